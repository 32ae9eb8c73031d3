"""What it costs, in nats of KL divergence, that a token skips a block: estimated for all pairs by one backward pass.

Skipping moves the block's output by -d, where d = f(x) - b(x) and b is the bypass. To second order that costs
d'Fd / 2 nats, F being the Fisher information of the predictions about the output, and F is the mean of g·g' over gradients g
of log p(y) with y drawn from the model's own predictions. So (g·d)² / 2 is an unbiased, if noisy, estimate for each token;
a router that is regressed on it (as the logarithm of a gamma variate's mean) scores the expected cost on one scale for all
blocks. The same F says in which directions a bypass has to be right.
"""
import torch
import torch.nn.functional as F


class Sample:
    """Of each routed block and token: its input x, its update d = f(x) - b(x), and the gradient g at its output."""

    def __init__(self, blocks):
        self.x = {b: [] for b in blocks}
        self.f = {b: [] for b in blocks}
        self.g = {b: [] for b in blocks}

    def of(self, block):
        return tuple(torch.cat(rows[block]).float() for rows in (self.x, self.f, self.g))


def collect(model, windows, blocks, batch=8, initial=2, progress=None):
    """Runs the model dense over windows [n, time]; the initial tokens of each, which never skip, are left out."""
    sample, head = Sample(blocks), model.head().detach()
    first = min(blocks)
    for start in range(0, len(windows), batch):
        tokens = windows[start:start + batch]
        with torch.no_grad():
            x = model.run(model.embed(tokens), last=first)
        x.requires_grad_(True)
        outputs = {}
        for block in range(first, model.config.blocks):
            before = x.detach()
            x = model.run(x, first=block, last=block + 1)
            if block in sample.x:
                x.retain_grad()
                outputs[block] = (before, x)
        hidden = model.output_norm(x).flatten(0, 1)
        with torch.no_grad():
            p = torch.softmax(F.linear(hidden, head), -1)
            drawn = torch.multinomial(p, 1).squeeze(1)
            gradient = head[drawn] - p @ head
        hidden.backward(gradient)
        for block, (before, after) in outputs.items():
            # Half floats: gradients are of the order of 1, and a large sample has to fit into memory.
            for rows, value in ((sample.x, before), (sample.f, after.detach() - before), (sample.g, after.grad)):
                rows[block].append(value[:, initial:].flatten(0, 1).to(torch.bfloat16 if value.abs().max() > 6e4 else torch.half))
        if progress:
            progress(start + len(tokens), len(windows))
    return sample


def fit_bypass(block, prefix, x, f, g):
    """Sets the bypass to what comes nearest to f in the metric of the Fisher information.

    A has the directions of a reduced-rank regression of f on norm(x); B is the least-squares fit on silu(A·norm(x)).
    """
    a, b = getattr(block, prefix + "bypass_a"), getattr(block, prefix + "bypass_b")
    n = block.attn_norm(x)
    eye = torch.eye(n.shape[1], device=n.device)
    # A few tokens of a large gradient would decide alone.
    length = g.norm(dim=1, keepdim=True)
    g = g / length * length.clamp(max=length.quantile(0.99))
    values, vectors = torch.linalg.eigh(g.T @ g / len(g))
    root = vectors * values.clamp(min=1e-4 * values.max()).sqrt()
    covariance = n.T @ n
    covariance = covariance + 0.02 * covariance.diagonal().mean() * eye
    linear = torch.linalg.solve(covariance, n.T @ (f @ root))
    rank = a.weight.shape[0]
    u, s, _ = torch.linalg.svd(torch.linalg.cholesky(covariance).T @ linear)
    directions = torch.linalg.solve(torch.linalg.cholesky(covariance).T, u[:, :rank]).T
    z = n @ directions.T
    a.weight.copy_(directions / z.std(0)[:, None])
    hidden = F.silu(a(n))
    covariance = hidden.T @ hidden
    covariance += 0.02 * covariance.diagonal().mean() * torch.eye(rank, device=n.device)
    b.weight.copy_(torch.linalg.solve(covariance, hidden.T @ f).T)


def costs(block, prefix, x, f, g):
    """The estimate of each token, [tokens]."""
    if block.mod.bypass:
        f = f - block.bypass(block.attn_norm(x), prefix)
    return 0.5 * (g * f).sum(1) ** 2


def fit_router(router, x, cost, ridge=20.0, rounds=15):
    """Regresses log E[cost] on x as a generalised linear model of a gamma variate: iteratively reweighted least squares.

    With the logarithm as link all weights are 1, so one factorisation serves every round. The estimates are so noisy (a
    square of one normal variate) that the ridge, which falls with the number of tokens, decides how good a router gets.
    """
    cost = cost.clamp(max=cost.quantile(0.999))
    mean, deviation = x.mean(0), x.std(0)
    x = (x - mean) / deviation
    tokens, width = x.shape
    ridge = ridge * width / tokens
    factor = torch.linalg.cholesky(x.T @ x / tokens + ridge * torch.eye(width, device=x.device))
    w, b = torch.zeros(width, device=x.device), cost.mean().log()
    for _ in range(rounds):
        # A token far above its expectation would throw a round.
        excess = (cost * torch.exp(-(x @ w + b)) - 1).clamp(max=20)
        step = x.T @ excess / tokens - ridge * w
        w = w + 0.7 * torch.cholesky_solve(step[:, None], factor)[:, 0]
        b = b + (cost * torch.exp(-(x @ w + b))).mean().log()
    router.weight.copy_((w / deviation)[None])
    router.bias.copy_((b - (w * mean / deviation).sum())[None])
    return x @ w + b


@torch.no_grad()
def fit(model, sample, bypass=True):
    """Fits bypass and router of each routed block; returns scores [blocks, tokens] and each block's mean cost.

    The cost is given as `skipped`, for a token that skips with the bypass, and `dropped`, without one.
    """
    scores, effect = [], {}
    for number in sample.x:
        block, (x, f, g) = model.blk[number], sample.of(number)
        if bypass and block.mod.bypass:
            fit_bypass(block, "mod_", x, f, g)
        cost = costs(block, "mod_", x, f, g)
        scores.append(fit_router(block.mod_router, x, cost))
        effect[number] = {"skipped": cost.mean().item(), "dropped": 0.5 * (g * f).sum(1).square().mean().item()}
    return torch.stack(scores), effect
