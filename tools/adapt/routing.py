"""Rules that say which tokens a routed block computes, for `Model.run`."""
import torch

from model import Decision


class Dial:
    """Tokens whose score is above a threshold, one for each sequence; scores of all blocks are on one scale.

    `noise` is the standard deviation of what is added to scores, so that tokens near the threshold are seen on both sides.
    """

    def __init__(self, thresholds, initial=2, noise=0.0):
        self.thresholds, self.initial, self.noise = thresholds, initial, noise
        self.scores, self.rates = [], {}

    def __call__(self, block, prefix, x):
        # Routers read the residual stream; they do not shape it.
        score = block.score(x.detach(), prefix)
        self.scores.append(score)
        distance = score - self.thresholds
        chosen = (distance + self.noise * torch.randn_like(score) if self.noise else distance) > 0
        chosen[:, :self.initial] = True
        self.rates[block.number] = chosen.float().mean()
        return Decision(chosen)

    def share(self):
        """The share of routed (token, block) pairs that were computed."""
        return torch.stack(list(self.rates.values())).mean()


class Random:
    """The stochastic control: each token of each routed block with one probability."""

    def __init__(self, rate, initial=2, seed=0):
        self.rate, self.initial = rate, initial
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, block, prefix, x):
        chosen = torch.rand(x.shape[:2], generator=self.generator).to(x.device) < self.rate
        chosen[:, :self.initial] = True
        return Decision(chosen)


class Dropped:
    """Some blocks are left out for all tokens but the initial ones, the others computed."""

    def __init__(self, blocks, initial=2):
        self.blocks, self.initial = set(blocks), initial

    def __call__(self, block, prefix, x):
        chosen = torch.full(x.shape[:2], block.number not in self.blocks, device=x.device)
        chosen[:, :self.initial] = True
        return Decision(chosen)


class Quantiles:
    """Thresholds of rates: quantiles of the latest scores of all routed blocks together."""

    def __init__(self, scores, size=200_000):
        self.size = size
        self.scores = scores.flatten()[-size:]

    def threshold(self, rates):
        return torch.quantile(self.scores[:: max(1, len(self.scores) // 50_000)], 1 - rates.to(self.scores.device))

    def add(self, scores):
        """Takes in a sample of the scores of a step."""
        flat = torch.cat([s.flatten() for s in scores])
        flat = flat[torch.randperm(len(flat), device=flat.device)[:self.size // 20]]
        self.scores = torch.cat((self.scores, flat))[-self.size:]
