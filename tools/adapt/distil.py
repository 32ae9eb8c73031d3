"""Distillation: what the dense model says of each token, and the divergence from it. Two ways with one interface:
`batch(indices)` gives the input of the first adapted block and a target, `divergence(hidden, target)` nats of each token."""
import torch
import torch.nn.functional as F


class Sampled:
    """The dense model's outputs over windows [n, time] are computed when a window is first asked for and kept as half floats,
    and the divergence takes a few rows of the output matrix: for a CPU.

    Of each token: the input of block `first` (what comes before is not adapted), the last hidden state, and weights of tokens
    that stand for its prediction: the `top` likeliest with their probabilities, and `tail` drawn from the others.
    """

    def __init__(self, model, windows, first, top=64, tail=32):
        self.model, self.windows, self.first = model, windows, first
        self.top, self.tail = min(top, model.config.vocabulary // 2), tail
        self.kept = {}

    @torch.no_grad()
    def batch(self, indices):
        fresh = [i for i in indices if i not in self.kept]
        if fresh:
            tokens = self.windows[fresh]
            start = self.model.run(self.model.embed(tokens), last=self.first)
            hidden = self.model.output_norm(self.model.run(start, first=self.first))
            for row, index in enumerate(fresh):
                self.kept[index] = (start[row].half(), hidden[row].half(), *self.predictions(hidden[row], index))
        # Not stacked as half floats, which autocast on a CPU refuses.
        start, hidden, weights, ids = (torch.stack([row.to(kind) for row in part]) for part, kind in zip(
            zip(*(self.kept[i] for i in indices)), (torch.float, torch.float, torch.float, torch.long)))
        return start, (hidden, ids, weights)

    def divergence(self, hidden, target):
        return divergence(self.model.head(), hidden, *target)

    def predictions(self, hidden, seed):
        p = torch.softmax(F.linear(hidden, self.model.head()), -1)
        weights, ids = p.topk(self.top)
        rest = (1 - weights.sum(-1, keepdim=True)).clamp(min=0)
        others = p.scatter(-1, ids, 0) + 1e-12
        # Seeded by the window: the same whenever it is asked for, also after a stop.
        generator = torch.Generator(hidden.device).manual_seed(seed)
        drawn = torch.multinomial(others, self.tail, replacement=True, generator=generator)
        weights = torch.cat((weights, (rest / self.tail).expand(-1, self.tail)), -1)
        return weights.half(), torch.cat((ids, drawn), -1).int()


def divergence(head, student, teacher, ids, weights):
    """KL(teacher || student) of each token, in nats, from hidden states [..., width].

    With d = log-odds of student over teacher before normalisation, KL = log E[exp d] - E[d] under the teacher's prediction:
    an expectation over a few tokens, which needs their rows of the output matrix alone.
    """
    rows = head[ids]
    d = torch.einsum("...kw,...w->...k", rows, student - teacher)
    weights = weights / weights.sum(-1, keepdim=True)
    return torch.logsumexp(d + (weights + 1e-12).log(), -1) - (weights * d).sum(-1)


class Exact:
    """The dense model runs anew for each batch, and the divergence is over the whole vocabulary: for a GPU."""

    def __init__(self, model, windows, first, compiled=True):
        self.model, self.windows, self.first = model, windows, first
        self.share = torch.compile(share, dynamic=False) if compiled else share

    @torch.no_grad()
    def batch(self, indices):
        start = self.model.run(self.model.embed(self.windows[indices]), last=self.first)
        return start, self.model.output_norm(self.model.run(start, first=self.first))

    def divergence(self, hidden, target):
        return ExactDivergence.apply(hidden, target, self.model.head(), self.share)


def share(student, teacher, head):
    """KL(teacher || student) of the tokens [n], and its gradient [n, width] by the student's hidden states."""
    q = torch.log_softmax(F.linear(student, head).float(), -1)
    p = torch.log_softmax(F.linear(teacher, head).float(), -1)
    kl = (p.exp() * (p - q)).sum(-1)
    return kl, (q.exp() - p.exp()).to(head.dtype) @ head


class ExactDivergence(torch.autograd.Function):
    """Makes the gradient at once with the divergence, some tokens at a time, so that no logits have to be kept."""

    @staticmethod
    def forward(ctx, student, teacher, head, share, tokens=4096):
        flat, target = (h.flatten(0, -2).to(head.dtype) for h in (student, teacher))
        parts = [share(flat[i:i + tokens], target[i:i + tokens], head) for i in range(0, len(flat), tokens)]
        ctx.save_for_backward(torch.cat([gradient for _, gradient in parts]))
        return torch.cat([kl for kl, _ in parts]).view(student.shape[:-1])

    @staticmethod
    def backward(ctx, of_kl):
        gradient, = ctx.saved_tensors
        return (of_kl.flatten()[:, None] * gradient).view(*of_kl.shape, -1), None, None, None, None
