"""What a Mixture-of-Depths model computes: loader/MOD-SCHEMA.md in PyTorch, in float64, a whole sequence at a time.

It is made to be read and compared with, not to be fast, and shares no code with the engine. Run alone it prints as JSON
what the blocks computed and the logits of a GGUF file whose tensors are F32, F16 or BF16:

    python reference.py model.gguf 1,5,7,2 --prompt 3 --selection threshold
"""
import argparse
import json
import math
from dataclasses import dataclass, field

import gguf
import numpy as np
import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Config:
    """The hyperparameters of the architecture."""
    blocks: int
    heads: int
    kv_heads: int
    epsilon: float
    rope_base: float
    # RoPE turns the pairs (0,1), (2,3), ... of a head, as `llama` files order its rows; else (0,n/2), (1,n/2+1), ...
    interleaved: bool = True
    experts_used: int = 0
    # Whether the weights of a token's experts are made to sum to 1.
    renormalised: bool = True


@dataclass(frozen=True)
class Mod:
    """The keys of the schema, without `mod.`. A key that is not here is a TypeError."""
    version: int
    blocks: tuple = ()
    granularity: str = "block/token"
    router: str = ""
    router_activation: str = "silu"
    router_input: str = "residual"
    shared_router: bool = False
    position_slope: float = 0.0
    selection: str = ""
    causal_selection: str = ""
    capacity: float | tuple = 1.0
    k_rounding: str = "floor"
    least_tokens: int = 1
    most_tokens: int = 0
    ties: str = "first"
    threshold: float | tuple = 0.5
    prefill_threshold: float | None = None
    threshold_inclusive: bool = False
    initial_tokens: int = 0
    combine: str = ""
    positions: str = "original"
    skipped_kv: str = "absent"
    bypass: str = "none"
    noop_experts: int = 0
    note: str = ""

    @property
    def part(self):
        return self.granularity.split("/")[0]

    @property
    def unit(self):
        return self.granularity.split("/")[1]

    def of_block(self, value, block):
        """A number of all blocks, or that of one block."""
        if not isinstance(value, tuple):
            return value
        return value[self.blocks.index(block) if len(value) > 1 else 0]

    def budget(self, block, tokens):
        """The k of top-k: how many of a sequence's tokens a block may choose."""
        capacity = self.of_block(self.capacity, block)
        # `round` of Python takes a half to the even neighbour, as the schema does.
        rounding = {"floor": math.floor, "ceil": math.ceil, "round": round}[self.k_rounding]
        k = max(rounding(float(np.float32(capacity)) * tokens), self.least_tokens)
        if self.most_tokens:
            k = min(k, self.most_tokens)
        return min(k, tokens)


# What a chosen token becomes, from its row x, the updates a of the attention half and m of the MLP half, and the gate.
FORMS = {
    "x+g*f": lambda x, a, m, g: x + g * (a + m),
    "g*(x+f)": lambda x, a, m, g: g * (x + a + m),
    "x+g*(x+f)": lambda x, a, m, g: x + g * (x + a + m),
    "x+a+g*m": lambda x, a, m, g: x + a + g * m,
    "x+x+a+g*m": lambda x, a, m, g: x + x + a + g * m,
}
GATES = ("", "r", "sigmoid(r)", "softmax(r)", "(1+0.2*tanh(r))")
# A gate of 1 is left out with its `*`.
FORMULAS = {form.replace("g*", gate + "*" if gate else ""): (form, gate) for form in FORMS for gate in GATES}


def formula(combine):
    """The form and the gate of a value of `mod.combine`."""
    combine = "".join(combine.split()).replace("·", "*")
    return FORMULAS["x+a+sigmoid(r)*m" if combine == "mlp_gate" else combine]


def top_k(r, k, ties, initial):
    """Which tokens have the k highest scores; the first `initial` ones are taken before all others."""
    positions = torch.arange(len(r))
    if k <= initial:
        return positions < initial
    rank = torch.where(positions < initial, torch.inf, r)
    border = rank.sort(descending=True).values[k - 1]
    above, level = rank > border, rank == border
    if ties == "all" or ties == "above" and k == 1:
        return above | level
    if ties == "above":
        return above
    return above | level & (level.cumsum(0) <= k - above.sum())


@dataclass
class Result:
    logits: torch.Tensor
    # Block -> part -> the positions that were computed.
    computed: dict = field(default_factory=dict)
    # The smallest distance of a score from a border of a decision, of those that are not exactly at it.
    margin: float = math.inf
    # The blocks with a score exactly at a border.
    tied: set = field(default_factory=set)


class Model:
    def __init__(self, config, weights, mod=Mod(1)):
        """`weights` maps names as in GGUF files to tensors, matrices as [out, in]."""
        self.config = config
        self.weights = {name: tensor.double() for name, tensor in weights.items()}
        self.mod = mod

    def run(self, tokens, prompt=None, selection=None):
        """Runs a sequence whose first `prompt` tokens (default: all) came at once, under the given selection rule."""
        self.prompt = len(tokens) if prompt is None else prompt
        self.selection = selection or self.mod.selection
        self.result = Result(None)
        x = self.weights["token_embd.weight"][torch.tensor(tokens)]
        for block in range(self.config.blocks):
            x = self.routed(block, x) if block in self.mod.blocks else self.dense(block, x)
        head = self.weights.get("output.weight", self.weights["token_embd.weight"])
        self.result.logits = self.norm(x, "output_norm.weight") @ head.T
        return self.result

    # The blocks

    def dense(self, block, x):
        every = torch.arange(len(x))
        h = x + self.attention(block, x, every, every)
        return h + self.mlp(block, h)

    def routed(self, block, x):
        form, gate = formula(self.mod.combine)
        combine = FORMS[form]
        if self.mod.part == "block":
            chosen, g = self.decide(block, x, "mod_", "block", gate)
            a = self.attention(block, x, chosen, self.key_holders(x, chosen))
            m = self.mlp(block, x[chosen] + a)
            return self.join(block, x, chosen, combine(x[chosen], a, m, g), "mod_", "attn_norm")
        both = self.mod.part == "attention+mlp"
        h = x
        if self.mod.part == "mlp":
            every = torch.arange(len(x))
            h = x + self.attention(block, x, every, every)
        else:
            chosen, g = self.decide(block, x, "mod_attn_" if both else "mod_", "attention", gate)
            a = self.attention(block, x, chosen, self.key_holders(x, chosen))
            h = self.join(block, x, chosen, combine(x[chosen], a, 0, g), "mod_attn_" if both else "mod_", "attn_norm")
        if self.mod.part == "attention":
            return h + self.mlp(block, h)
        # The router sees the block's input x, though the MLP half works on h.
        chosen, g = self.decide(block, x, "mod_mlp_" if both else "mod_", "mlp", gate)
        computed = combine(h[chosen], 0, self.mlp(block, h[chosen]), g)
        return self.join(block, h, chosen, computed, "mod_mlp_" if both else "mod_", "ffn_norm")

    def join(self, block, x, chosen, computed, prefix, norm):
        """The rows after a routed part whose input is x: what was computed of the chosen ones, and what others become."""
        skipped = x
        if self.mod.bypass == "lowrank":
            n = self.norm(x, f"blk.{block}.{norm}.weight")
            hidden = F.silu(self.linear(n, f"blk.{block}.{prefix}bypass_a"))
            skipped = x + self.linear(hidden, f"blk.{block}.{prefix}bypass_b")
        return skipped.index_copy(0, chosen, computed)

    def key_holders(self, x, chosen):
        return torch.arange(len(x)) if self.mod.skipped_kv == "projected" else chosen

    # Routing

    def decide(self, block, x, prefix, part, gate):
        """The positions that are computed, and their gates as a column."""
        mod = self.mod
        seen = x if mod.router_input == "residual" else self.norm(x, f"blk.{block}.attn_norm.weight")
        if mod.unit == "sequence":
            seen = seen[:self.prompt].mean(0).expand_as(seen)
        name = ("" if mod.shared_router else f"blk.{block}.") + prefix
        if mod.router == "mlp":
            r = self.mlp_score(seen, name + "router", mod.router_activation)
        else:
            r = self.one_score(self.linear(seen, name + "router"))
        by_position = mod.position_slope * torch.log(1 + torch.arange(len(x), dtype=r.dtype))
        r = r + by_position
        if self.selection == "topk":
            mask = top_k(r, mod.budget(block, len(x)), mod.ties, mod.initial_tokens)
            free = torch.arange(len(x)) >= mod.initial_tokens
            taken, left = r[mask & free], r[~mask & free]
            if len(taken) and len(left):
                self.note_margin(block, torch.cat((taken - left.max(), taken.min() - left)))
        else:
            score = self.mlp_score(seen, name + "predictor", "silu") + by_position if self.selection == "predictor" else r
            mask = self.above_threshold(block, torch.sigmoid(score))
        chosen = mask.nonzero().squeeze(1)
        self.result.computed.setdefault(block, {})[part] = chosen.tolist()
        return chosen, self.gate(gate, r[chosen]).unsqueeze(1)

    def above_threshold(self, block, probability):
        mod, positions = self.mod, torch.arange(len(probability))
        later = mod.of_block(mod.threshold, block)
        in_prompt = later if mod.prefill_threshold is None else mod.prefill_threshold
        threshold = torch.where(positions < self.prompt, np.float32(in_prompt), np.float32(later)).double()
        self.note_margin(block, (probability - threshold)[mod.initial_tokens:].abs())
        level = probability == threshold
        return (probability > threshold) | level & mod.threshold_inclusive | (positions < mod.initial_tokens)

    def note_margin(self, block, distances):
        if (distances == 0).any():
            self.result.tied.add(block)
        self.result.margin = min([self.result.margin] + distances[distances > 0].tolist())

    def mlp_score(self, x, name, activation):
        hidden = self.linear(x, name + "_up")
        if name + "_norm.weight" in self.weights:
            hidden = self.norm(hidden, name + "_norm.weight")
        act = {"silu": F.silu, "relu": F.relu, "gelu": F.gelu, "tanh": torch.tanh, "identity": lambda y: y}[activation]
        return self.one_score(self.linear(act(hidden), name + "_down"))

    def one_score(self, rows):
        """Of one row the score is what it gives; of two it is class 1, "compute", less class 0."""
        return rows[:, 0] if rows.shape[1] == 1 else rows[:, 1] - rows[:, 0]

    def gate(self, gate, r):
        if gate == "":
            return torch.ones_like(r)
        if gate == "r":
            return r
        if gate == "sigmoid(r)":
            return torch.sigmoid(r)
        if gate == "(1+0.2*tanh(r))":
            return 1 + 0.2 * torch.tanh(r)
        if self.selection == "topk":
            return torch.softmax(r, 0)
        # Under a causal rule a token knows itself and the chosen ones before it.
        return torch.exp(r - torch.logcumsumexp(r, 0))

    # The halves

    def attention(self, block, x, queries, keys):
        """The attention half's update of the rows `queries`, a part of the rows `keys`, which have keys and values."""
        c, prefix = self.config, f"blk.{block}.attn_"
        n = self.norm(x, prefix + "norm.weight")
        q = self.linear(n[queries], prefix + "q").unflatten(1, (c.heads, -1))
        k = self.linear(n[keys], prefix + "k").unflatten(1, (c.kv_heads, -1))
        v = self.linear(n[keys], prefix + "v").unflatten(1, (c.kv_heads, -1))
        if prefix + "q_norm.weight" in self.weights:
            q, k = self.norm(q, prefix + "q_norm.weight"), self.norm(k, prefix + "k_norm.weight")
        if self.mod.positions == "compacted":
            q, k = self.rope(q, torch.searchsorted(keys, queries)), self.rope(k, torch.arange(len(keys)))
        else:
            q, k = self.rope(q, queries), self.rope(k, keys)
        group = c.heads // c.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        scores = torch.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[2])
        scores = scores.masked_fill(keys[None, :] > queries[:, None], -torch.inf)
        mixed = torch.einsum("hqk,khd->qhd", torch.softmax(scores, 2), v)
        return self.linear(mixed.flatten(1), prefix + "output")

    def rope(self, x, positions):
        half = x.shape[2] // 2
        angles = positions[:, None] * self.config.rope_base ** (-torch.arange(half, dtype=torch.float64) / half)
        cos, sin = angles.cos()[:, None], angles.sin()[:, None]
        if self.config.interleaved:
            even, odd = x[..., 0::2], x[..., 1::2]
            return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(2)
        first, second = x[..., :half], x[..., half:]
        return torch.cat((first * cos - second * sin, first * sin + second * cos), -1)

    def mlp(self, block, h):
        prefix = f"blk.{block}.ffn_"
        n = self.norm(h, prefix + "norm.weight")
        if prefix + "gate_inp.weight" in self.weights:
            return self.experts(block, prefix, n)
        return self.swiglu(n, *(self.weights[f"{prefix}{matrix}.weight"] for matrix in ("gate", "up", "down")))

    def experts(self, block, prefix, n):
        logits = self.linear(n, prefix + "gate_inp")
        used = self.config.experts_used
        if used < logits.shape[1]:
            ranked = logits.sort(descending=True).values
            self.note_margin(block, ranked[:, used - 1] - ranked[:, used])
        weights, ids = torch.softmax(logits, 1).topk(used)
        if self.config.renormalised:
            # A no-op expert keeps its share: the others' weights are then less than 1 in all.
            weights = weights / weights.sum(1, keepdim=True)
        matrices = [self.weights[f"{prefix}{matrix}_exps.weight"] for matrix in ("gate", "up", "down")]
        out = torch.zeros_like(n)
        for expert in range(len(matrices[0])):
            weight = torch.where(ids == expert, weights, 0).sum(1, keepdim=True)
            out += weight * self.swiglu(n, *(matrix[expert] for matrix in matrices))
        if prefix + "gate_inp_shexp.weight" in self.weights:
            shared = [self.weights[f"{prefix}{matrix}_shexp.weight"] for matrix in ("gate", "up", "down")]
            gate = torch.sigmoid(n @ self.weights[prefix + "gate_inp_shexp.weight"].flatten())
            out += gate[:, None] * self.swiglu(n, *shared)
        return out

    def swiglu(self, x, gate, up, down):
        return (F.silu(x @ gate.T) * (x @ up.T)) @ down.T

    def linear(self, x, name):
        y = x @ self.weights[name + ".weight"].T
        return y + self.weights[name + ".bias"] if name + ".bias" in self.weights else y

    def norm(self, x, name):
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + self.config.epsilon) * self.weights[name]


def read(path):
    """The model in a GGUF file."""
    reader = gguf.GGUFReader(path)
    keys = {name: value.contents() for name, value in reader.fields.items()}
    architecture = keys["general.architecture"]

    def key(name, default=None):
        return keys.get(f"{architecture}.{name}", default)

    config = Config(
        blocks=key("block_count"),
        heads=key("attention.head_count"),
        kv_heads=key("attention.head_count_kv"),
        epsilon=key("attention.layer_norm_rms_epsilon"),
        rope_base=key("rope.freq_base"),
        interleaved=architecture == "llama",
        experts_used=key("expert_used_count", 0),
        renormalised=architecture != "qwen2moe")
    mod = {name[4:]: tuple(value) if isinstance(value, list) else value
           for name, value in keys.items() if name.startswith("mod.")}
    weights = {t.name: torch.tensor(gguf.dequantize(t.data, t.tensor_type).reshape(t.shape[::-1].tolist()))
               for t in reader.tensors}
    return Model(config, weights, Mod(**mod) if mod else Mod(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("tokens", type=lambda text: [int(t) for t in text.split(",")])
    parser.add_argument("--prompt", type=int, help="how many of the tokens are the prompt (default: all)")
    parser.add_argument("--selection", help="topk, threshold or predictor (default: the file's mod.selection)")
    args = parser.parse_args()
    result = read(args.file).run(args.tokens, args.prompt, args.selection)
    print(json.dumps({"computed": result.computed, "logits": result.logits.tolist()}))


if __name__ == "__main__":
    main()
