"""Floating-point operations of a model, counted from its shape: two for each multiplication and addition of a matrix product.

Counted are all matrix products: projections, attention (only the pairs that the causal mask leaves), MLPs, router,
predictor and head. Element-wise work and the embedding's look-up are not. Backward costs twice the forward products, but
the predictor's first layer passes no gradient on to its input.
"""


def block_flops(config, rows):
    """Of one block that computes so many rows of a sequence."""
    q, kv = config.heads * config.head_width, config.kv_heads * config.head_width
    weights = config.width * (q + 2 * kv) + q * config.width + 3 * config.width * config.hidden
    pairs = rows * (rows + 1) // 2
    return 2 * rows * weights + 2 * 2 * pairs * q


def forward_flops(shape, tokens=None):
    """Of one sequence of so many tokens (default: the context) under top-k, predictors included."""
    tokens = tokens or shape.context
    config, count = shape.config, len(shape.mod.blocks)
    total = (shape.blocks - count) * block_flops(config, tokens) + 2 * tokens * shape.width * shape.vocabulary
    if count:
        router = 2 * tokens * shape.width
        predictor = 2 * tokens * shape.predictor * (shape.width + 1)
        total += count * (block_flops(config, shape.tile(tokens)) + router + predictor)
    return total


def training_flops(shape):
    """Forward and backward of one sequence of the context's length."""
    not_passed_on = len(shape.mod.blocks) * 2 * shape.context * shape.predictor * shape.width
    return 3 * forward_flops(shape) - not_passed_on
