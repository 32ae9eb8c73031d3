"""A Llama- or Qwen-style model with routed blocks, whose parameters have the names of GGUF files and of the `mod.*` schema.

`Model.blk[3].attn_q.weight` is `blk.3.attn_q.weight`: a state dict is what a GGUF file or an adapter holds. What is routed is
said by `Mod`; which tokens are computed is said by a *rule*, a function that the caller passes to each forward pass.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass(frozen=True)
class Config:
    """The hyperparameters of the architecture, as `llama.*` keys have them."""
    blocks: int
    width: int
    hidden: int
    heads: int
    kv_heads: int
    head_width: int
    vocabulary: int
    epsilon: float = 1e-5
    rope_base: float = 10000.0
    # RoPE turns the pairs (0,1), (2,3), ... of a head, as `llama` files order its rows; else (0,n/2), (1,n/2+1), ...
    interleaved: bool = True
    qkv_bias: bool = False
    qk_norm: bool = False
    tied: bool = True
    architecture: str = "llama"


@dataclass(frozen=True)
class Mod:
    """What is routed, in the words of the schema: the part is `block`, `attention`, `mlp` or `attention+mlp`."""
    blocks: tuple = ()
    part: str = "block"
    # Whether tokens that skip attention leave keys and values all the same (`mod.skipped_kv`).
    projected: bool = True
    # Rank of the low-rank path of tokens that skip; 0 for none.
    bypass: int = 0
    # Hidden width of the auxiliary causal predictor; 0 for none.
    predictor: int = 0
    # What each score gains by its token's position, times ln(1 + position).
    position_slope: float = 0.0


@dataclass
class Decision:
    """Of one part of one block: which tokens [batch, time] are computed, and the factor of their update (None is 1)."""
    chosen: torch.Tensor
    gate: torch.Tensor | None = None


class Linear(nn.Module):
    """x·W^T (+ b) (+ scale · x·A^T·B^T), where the low-rank update is there once `add_lora` was called."""

    def __init__(self, inputs, outputs, bias=False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.lora_a = self.lora_b = None
        self.scale = 1.0

    def add_lora(self, rank, scale):
        outputs, inputs = self.weight.shape
        self.lora_a = nn.Parameter(torch.randn(rank, inputs, device=self.weight.device) * inputs ** -0.5)
        self.lora_b = nn.Parameter(torch.zeros(outputs, rank, device=self.weight.device))
        self.scale = scale

    def forward(self, x):
        y = F.linear(x, self.weight, self.bias)
        return y if self.lora_a is None else y + F.linear(F.linear(x, self.lora_a * self.scale), self.lora_b)


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)


class Rope:
    """Rotation tables [time, head_width / 2] of the positions 0, 1, ..."""

    def __init__(self, config, length, device=None):
        half = config.head_width // 2
        turns = config.rope_base ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.arange(length, dtype=torch.float64)[:, None] * turns
        self.cos, self.sin = angles.cos().float().to(device), angles.sin().float().to(device)
        self.interleaved = config.interleaved

    def __call__(self, x, positions):
        """Rotates x [rows, heads, head_width] by positions [rows]."""
        cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        if self.interleaved:
            first, second = x[..., 0::2], x[..., 1::2]
            return torch.stack((first * cos - second * sin, first * sin + second * cos), -1).flatten(2)
        first, second = x.chunk(2, -1)
        return torch.cat((first * cos - second * sin, first * sin + second * cos), -1)


class Block(nn.Module):
    """One block on the residual stream x [batch, time, width]; a token that is not chosen costs no multiplication."""

    def __init__(self, config, mod=None):
        super().__init__()
        c, self.config, self.mod = config, config, mod
        # How the block is executed, if not by gathering the chosen tokens: a CompiledPaths.
        self.paths = None
        self.attn_norm = Norm(c.width, c.epsilon)
        self.attn_q = Linear(c.width, c.heads * c.head_width, c.qkv_bias)
        self.attn_k = Linear(c.width, c.kv_heads * c.head_width, c.qkv_bias)
        self.attn_v = Linear(c.width, c.kv_heads * c.head_width, c.qkv_bias)
        if c.qk_norm:
            self.attn_q_norm, self.attn_k_norm = Norm(c.head_width, c.epsilon), Norm(c.head_width, c.epsilon)
        self.attn_output = Linear(c.heads * c.head_width, c.width)
        self.ffn_norm = Norm(c.width, c.epsilon)
        self.ffn_gate = Linear(c.width, c.hidden)
        self.ffn_up = Linear(c.width, c.hidden)
        self.ffn_down = Linear(c.hidden, c.width)
        for prefix in self.prefixes():
            setattr(self, prefix + "router", Linear(c.width, 1, bias=True))
            if mod.bypass:
                setattr(self, prefix + "bypass_a", Linear(c.width, mod.bypass))
                setattr(self, prefix + "bypass_b", Linear(mod.bypass, c.width))
            if mod.predictor:
                setattr(self, prefix + "predictor_up", Linear(c.width, mod.predictor, bias=True))
                setattr(self, prefix + "predictor_down", Linear(mod.predictor, 1, bias=True))

    def prefixes(self):
        """What the names of the routed parts' tensors begin with."""
        if self.mod is None:
            return ()
        return ("mod_attn_", "mod_mlp_") if self.mod.part == "attention+mlp" else ("mod_",)

    def forward(self, x, rope, rule):
        """`rule(block, prefix, x)` gives the Decision of a routed part; None of it, or a rule of None, is dense."""
        part = None if self.mod is None or rule is None else self.mod.part
        attention = mlp = None
        if part is not None:
            first = rule(self, self.prefixes()[0], x)
            attention = first if part != "mlp" else None
            mlp = rule(self, "mod_mlp_", x) if part == "attention+mlp" else first if part == "mlp" else None
        if part == "block" and attention is not None:
            return self.whole(x, rope, attention) if self.paths is None else self.paths.routed(self, x, rope, attention)
        if part is None and self.paths is not None:
            return self.paths.dense(self, x, rope)
        return self.halves(x, rope, attention, mlp)

    def halves(self, x, rope, attention=None, mlp=None):
        part = None if self.mod is None else self.mod.part
        x = self.half(x, self.attn_norm, attention, "mod_attn_" if part == "attention+mlp" else "mod_",
                      lambda n, rows: self.attention(n, rows, rope))
        return self.half(x, self.ffn_norm, mlp, "mod_mlp_" if part == "attention+mlp" else "mod_",
                         lambda n, rows: self.mlp(n.flatten(0, 1) if rows is None else n.flatten(0, 1)[rows]))

    def masked(self, x, rope, gate):
        """All tokens are computed, and `gate` [batch, time] chooses: no shape depends on the choice, so that this can be
        compiled. Of a whole block with projected keys and values."""
        n = self.attn_norm(x)
        update = self.attention(n, None, rope).view_as(x)
        update = gate[..., None] * (update + self.mlp(self.ffn_norm(x + update)))
        return x + update if not self.mod.bypass else x + update + (1 - gate[..., None]) * self.bypass(n, "mod_")

    def whole(self, x, rope, decision):
        rows = decision.chosen.flatten().nonzero().squeeze(1)
        n = self.attn_norm(x)
        flat = x.flatten(0, 1)
        update = self.attention(n, rows, rope)
        update = update + self.mlp(self.ffn_norm(flat[rows] + update))
        return self.combine(x, n, rows, update, decision, "mod_")

    def half(self, x, norm, decision, prefix, f):
        n = norm(x)
        if decision is None:
            return x + f(n, None).view_as(x)
        rows = decision.chosen.flatten().nonzero().squeeze(1)
        return self.combine(x, n, rows, f(n, rows), decision, prefix)

    def combine(self, x, n, rows, update, decision, prefix):
        """The rows that were computed get gate · update, and the others what the bypass gives."""
        flat = x.flatten(0, 1)
        bypass = None
        if self.mod.bypass:
            bypass = self.bypass(n.flatten(0, 1), prefix)
        if decision.gate is not None:
            gate = decision.gate.flatten()[rows, None]
            # With a bypass a gate goes over from one path to the other.
            update = gate * update if bypass is None else gate * update + (1 - gate) * bypass[rows]
        if bypass is None:
            return flat.index_add(0, rows, update).view_as(x)
        return (flat + bypass.index_copy(0, rows, update)).view_as(x)

    def bypass(self, n, prefix):
        return getattr(self, prefix + "bypass_b")(F.silu(getattr(self, prefix + "bypass_a")(n)))

    def score(self, x, prefix):
        """The router's r of each token, [batch, time]; never in half floats, of which a threshold would see the steps."""
        with torch.autocast(x.device.type, enabled=False):
            return getattr(self, prefix + "router")(x).squeeze(-1) + self.rise(x)

    def predict(self, x, prefix):
        """The predictor's score of each token, [batch, time]."""
        return getattr(self, prefix + "predictor_down")(F.silu(getattr(self, prefix + "predictor_up")(x))).squeeze(-1) + self.rise(x)

    def rise(self, x):
        """What scores gain by the tokens' positions, [time]."""
        positions = torch.arange(x.shape[1], dtype=torch.float32, device=x.device)
        return self.mod.position_slope * torch.log1p(positions)

    def attention(self, n, rows, rope):
        """The attention half's update [rows, width] of the rows of n [batch, time, width]; None is all of them."""
        c, (batch, time, _) = self.config, n.shape
        flat = n.flatten(0, 1)
        positions = torch.arange(time, device=n.device).repeat(batch)
        keys = None if rows is None or self.mod.projected else rows
        q = self.heads(flat, rows, positions, "attn_q", c.heads, rope)
        k = self.heads(flat, keys, positions, "attn_k", c.kv_heads, rope)
        v = self.heads(flat, keys, positions, "attn_v", c.kv_heads, None)
        q, k, v = (y.view(batch, time, -1, c.head_width).transpose(1, 2) for y in (q, k, v))
        mask = None
        if keys is not None:
            held = torch.zeros(batch * time, dtype=torch.bool, device=n.device).index_fill(0, rows, True)
            causal = torch.ones(time, time, dtype=torch.bool, device=n.device).tril()
            # A token that holds no key sees itself, so that its softmax, which nobody reads, is finite.
            mask = (causal & held.view(batch, 1, 1, time)) | torch.eye(time, dtype=torch.bool, device=n.device)
        group = c.heads // c.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        mixed = F.scaled_dot_product_attention(q, k, v, mask, is_causal=mask is None)
        mixed = mixed.transpose(1, 2).flatten(2).flatten(0, 1)
        return self.attn_output(mixed if rows is None else mixed[rows])

    def heads(self, flat, rows, positions, name, heads, rope):
        """Queries, keys or values [all rows, heads, head_width] made of some of the rows, zero elsewhere."""
        y = getattr(self, name)(flat if rows is None else flat[rows]).unflatten(-1, (heads, -1))
        if rope is not None:
            if self.config.qk_norm:
                y = getattr(self, name + "_norm")(y)
            y = rope(y, positions if rows is None else positions[rows])
        return y if rows is None else y.new_zeros(len(flat), *y.shape[1:]).index_copy(0, rows, y)

    def mlp(self, n):
        return self.ffn_down(F.silu(self.ffn_gate(n)) * self.ffn_up(n))


class CompiledPaths:
    """Blocks executed by masking instead of gathering, and compiled: what a GPU is fast with. Blocks of a kind share code."""

    def __init__(self):
        self.masked = torch.compile(Block.masked, dynamic=False)
        self.dense = torch.compile(Block.halves, dynamic=False)

    def routed(self, block, x, rope, decision):
        return self.masked(block, x, rope, decision.chosen.to(x.dtype) if decision.gate is None else decision.gate)


class Model(nn.Module):
    def __init__(self, config, mod=Mod()):
        super().__init__()
        self.config, self.mod = config, mod
        self.token_embd = nn.Embedding(config.vocabulary, config.width)
        self.blk = nn.ModuleList(Block(config, mod if b in mod.blocks else None) for b in range(config.blocks))
        self.output_norm = Norm(config.width, config.epsilon)
        self.output = None if config.tied else Linear(config.width, config.vocabulary)
        self.rope = None
        for number, block in enumerate(self.blk):
            block.number = number
        self.initialise()

    def initialise(self):
        """Random weights as GPT-2 and Llama are trained from: normal, what adds to the residual stream smaller by depth."""
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                into_stream = "attn_output" in name or "ffn_down" in name
                nn.init.normal_(parameter, 0, 0.02 / (2 * self.config.blocks) ** 0.5 if into_stream else 0.02)
            if "bypass_b" in name:
                nn.init.zeros_(parameter)

    def head(self):
        """The matrix [vocabulary, width] of the logits."""
        return self.token_embd.weight if self.output is None else self.output.weight

    def forward(self, tokens, rule=None):
        """Logits [batch, time, vocabulary]."""
        return F.linear(self.hidden(tokens, rule), self.head())

    def hidden(self, tokens, rule=None):
        """What the output matrix is multiplied with, [batch, time, width]."""
        return self.output_norm(self.run(self.embed(tokens), rule))

    def embed(self, tokens):
        """The residual stream's beginning, in f32 whatever the matrices are."""
        return self.token_embd(tokens).float()

    def compile_paths(self):
        """From now on blocks are executed by CompiledPaths, which needs whole blocks and projected keys and values."""
        paths = CompiledPaths()
        for block in self.blk:
            block.paths = paths

    def run(self, x, rule=None, first=0, last=None):
        """Blocks first .. last-1 on x [batch, time, width]."""
        if self.rope is None or len(self.rope.cos) < x.shape[1] or self.rope.cos.device != x.device:
            self.rope = Rope(self.config, x.shape[1], x.device)
        for block in self.blk[first:last]:
            x = block(x, self.rope, rule)
        return x
