"""Models that are trained from scratch: Mixture-of-Depths with top-k and a causal predictor, as Raposo et al. 2024
(arXiv 2404.02258), or dense.

Every other block is routed. In training the k best tokens of a sequence go through the block as a tile of k rows, so the
others cost nothing but their score; what a token gains is weighed with it: x' = x + g·f(x). The predictor sees a copy of x
that carries no gradient back, and learns by binary cross-entropy to make the same choices causally.
"""
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from model import Config, Decision, Mod, Model, Rope

GATES = {"r": lambda r: r, "sigmoid(r)": torch.sigmoid}


@dataclass(frozen=True)
class Shape:
    width: int
    blocks: int = 8
    vocabulary: int = 4096
    context: int = 256
    head: int = 32
    # Share of a sequence's tokens that routed blocks compute; 0 is a dense model.
    capacity: float = 0.0
    gate: str = "sigmoid(r)"
    predictor: int = 32

    @property
    def config(self):
        """The MLP is 8/3 as wide as the model, in whole blocks of 32; two heads share keys and values."""
        heads = self.width // self.head
        return Config(blocks=self.blocks, width=self.width, hidden=-(-self.width * 8 // 3 // 32) * 32, heads=heads,
                      kv_heads=max(1, heads // 2), head_width=self.head, vocabulary=self.vocabulary)

    @property
    def mod(self):
        routed = tuple(range(1, self.blocks, 2)) if self.capacity else ()
        return Mod(blocks=routed, part="block", projected=False, predictor=self.predictor)

    def tile(self, tokens):
        """The k of top-k, with the schema's rounding `floor` and at least 1."""
        return max(1, math.floor(self.capacity * tokens))


class SmallModel(Model):
    def __init__(self, shape):
        self.shape = shape
        super().__init__(shape.config, shape.mod)

    def initialise(self):
        """Normal with the inputs' number to -1/2; what adds to the residual stream smaller by depth."""
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, 0, parameter.shape[1] ** -0.5)
                if "attn_output" in name or "ffn_down" in name:
                    parameter.data /= math.sqrt(2 * self.config.blocks)
            if name.endswith("predictor_down.bias"):
                # It begins with what is known: the share of tokens that are chosen.
                nn.init.constant_(parameter, math.log(self.shape.capacity / (1 - self.shape.capacity)))

    def topk(self, block, prefix, x):
        """A rule of `Model.forward`: the choice of training, of as many tokens as x has."""
        r = block.score(x, prefix)
        return self.decision(torch.zeros_like(r, dtype=torch.bool).scatter(1, best(r, self.shape), True), r)

    def predictor(self, block, prefix, x, threshold=0.5):
        """A rule of `Model.forward`: the choice of generation."""
        return self.decision(torch.sigmoid(block.predict(x, prefix)) > threshold, block.score(x, prefix))

    def everything(self, block, prefix, x):
        """A rule of `Model.forward`: all tokens run, and are weighed as those that were chosen."""
        r = block.score(x, prefix)
        return self.decision(torch.ones_like(r, dtype=torch.bool), r)

    def decision(self, chosen, r):
        return Decision(chosen, GATES[self.shape.gate](r))


def best(r, shape):
    """The positions [batch, k] of the k highest scores r [batch, time], in ascending order."""
    return r.topk(shape.tile(r.shape[1]), sorted=False).indices.sort().values


def routed(block, x, rope, shape):
    """A routed block on x [batch, time, width] in training: the new rows, and the predictor's loss."""
    batch, time, _ = x.shape
    # In 16 bits many scores would be equal, and the choice among them not that of inference.
    with torch.autocast(x.device.type, enabled=False):
        r, predicted = block.score(x, "mod_"), block.predict(x.detach(), "mod_")
    chosen = best(r, shape)
    rows = (chosen + torch.arange(batch, device=x.device)[:, None] * time).flatten()
    flat = x.flatten(0, 1)
    # Rows are distinct, so that the gradient of index_select is exact whatever the order of its additions.
    tile = flat.index_select(0, rows)
    update = tile_attention(block, block.attn_norm(tile), chosen, rope)
    update = update + block.mlp(block.ffn_norm(tile + update))
    gate = GATES[shape.gate](r.flatten().index_select(0, rows)[:, None])
    member = torch.zeros_like(r).scatter(1, chosen, 1)
    predictor = F.binary_cross_entropy_with_logits(predicted, member)
    return flat.index_add(0, rows, gate * update).view_as(x), predictor


def tile_attention(block, n, positions, rope):
    """Attention among the rows n [batch · k, width] of a tile whose tokens have the positions [batch, k]."""
    c = block.config
    q, k, v = (block.heads(n, None, positions.flatten(), name, heads, turn)
               for name, heads, turn in (("attn_q", c.heads, rope), ("attn_k", c.kv_heads, rope), ("attn_v", c.kv_heads, None)))
    q, k, v = (y.view(*positions.shape, -1, c.head_width).transpose(1, 2) for y in (q, k, v))
    group = c.heads // c.kv_heads
    # Rows ascend in position, so the mask by row is the mask by position.
    mixed = F.scaled_dot_product_attention(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1), is_causal=True)
    return block.attn_output(mixed.transpose(1, 2).flatten(2).flatten(0, 1))


def dense(block, x, rope):
    return block(x, rope, None)


def head_loss(n, head, targets):
    return F.cross_entropy(F.linear(n, head).flatten(0, 1), targets.flatten())


class Losses:
    """The losses of training. Compiled, blocks of a kind share what is made of one of them."""

    def __init__(self, model, compiled=True):
        # A variant is made of each shape that a process trains.
        torch._dynamo.config.recompile_limit = 64
        make = (lambda f: torch.compile(f, dynamic=False)) if compiled else lambda f: f
        self.model, self.rope = model, Rope(model.config, model.shape.context, model.token_embd.weight.device)
        self.routed, self.dense, self.head = make(routed), make(dense), make(head_loss)

    def __call__(self, tokens, targets):
        """Of tokens and those that follow them, [batch, time]: the mean cross-entropy, and the predictors' (0 if dense)."""
        model, predictors = self.model, []
        x = model.token_embd(tokens)
        for block in model.blk:
            if block.mod:
                x, predictor = self.routed(block, x, self.rope, model.shape)
                predictors.append(predictor)
            else:
                x = self.dense(block, x, self.rope)
        loss = self.head(model.output_norm(x), model.head(), targets)
        return loss, torch.stack(predictors).mean() if predictors else torch.zeros_like(loss)
