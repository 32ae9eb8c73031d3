"""Distillation: what the dense model says of each token, kept, and the divergence from it at a price of a few rows."""
import torch
import torch.nn.functional as F


class Teacher:
    """The dense model's outputs over windows [n, time], computed when a window is first asked for and kept as half floats.

    Of each token: the input of block `first` (what comes before is not adapted), the last hidden state, and tokens with
    weights that stand for its prediction: the `top` likeliest with their probabilities, and `tail` drawn from the others.
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
            start = self.model.run(self.model.token_embd(tokens), last=self.first)
            hidden = self.model.output_norm(self.model.run(start, first=self.first))
            for row, index in enumerate(fresh):
                self.kept[index] = (start[row].half(), hidden[row].half(), *self.predictions(hidden[row], index))
        start, hidden, ids, weights = (torch.stack(part) for part in zip(*(self.kept[i] for i in indices)))
        return start.float(), hidden.float(), ids.long(), weights.float()

    def predictions(self, hidden, seed):
        p = torch.softmax(F.linear(hidden, self.model.head()), -1)
        weights, ids = p.topk(self.top)
        rest = (1 - weights.sum(-1, keepdim=True)).clamp(min=0)
        others = p.scatter(-1, ids, 0) + 1e-12
        # Seeded by the window: the same whenever it is asked for, also after a stop.
        generator = torch.Generator(hidden.device).manual_seed(seed)
        drawn = torch.multinomial(others, self.tail, replacement=True, generator=generator)
        weights = torch.cat((weights, (rest / self.tail).expand(-1, self.tail)), -1)
        return torch.cat((ids, drawn), -1).int(), weights.half()


def divergence(head, student, teacher, ids, weights):
    """KL(teacher || student) of each token, in nats, from hidden states [..., width].

    With d = log-odds of student over teacher before normalisation, KL = log E[exp d] - E[d] under the teacher's prediction:
    an expectation over a few tokens, which needs their rows of the output matrix alone.
    """
    rows = head[ids]
    d = torch.einsum("...kw,...w->...k", rows, student - teacher)
    weights = weights / weights.sum(-1, keepdim=True)
    return torch.logsumexp(d + (weights + 1e-12).log(), -1) - (weights * d).sum(-1)
