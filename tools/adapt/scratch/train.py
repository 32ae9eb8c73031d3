"""Trains one small model from scratch until it has used up its budget of floating-point operations.

    python -m scratch.train work/tokens work/runs --width 96 --flops 2e12 --seed 1 [--capacity 0.125]

Writes into a folder named after the settings: model.pt, and run.json with the settings, the losses on held-out text and the
curve of the training loss. A run that was cut off goes on where it last saved; one that is complete is left alone.
"""
import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from scratch.flops import forward_flops, training_flops
from scratch.topk import Losses, Shape, SmallModel

SAVE_SECONDS = 60
HELD_OUT_WINDOWS = 256


@dataclass(frozen=True)
class Settings:
    shape: Shape
    flops: float
    seed: int
    rate: float = 1e-2
    batch: int = 4

    @property
    def name(self):
        # The capacity in thousandths.
        kind = f"mod{1000 * self.shape.capacity:.0f}" if self.shape.capacity else "dense"
        return f"{kind}-{self.shape.width}x{self.shape.blocks}-{self.flops:.0e}-{self.seed}".replace("+", "")

    @property
    def steps(self):
        return round(self.flops / (self.batch * training_flops(self.shape)))

    def rate_at(self, step):
        """Linear warm-up over 5 % of the steps, then a cosine down to 5 % of the peak."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * (0.05 + 0.95 * (1 + math.cos(math.pi * (step - warm) / (self.steps - warm))) / 2)


class Windows:
    """Windows of token ids, each with the token that follows it, in an order that the seed gives."""

    def __init__(self, path, length, seed=None):
        self.ids, self.length = np.load(path, mmap_mode="r"), length
        self.order = np.arange((len(self.ids) - 1) // length)
        if seed is not None:
            self.order = np.random.default_rng(seed).permutation(self.order)

    def batch(self, number, size):
        """The number-th batch: tokens and targets [size, length]. After all windows comes the first again."""
        picked = self.order[np.arange(number * size, (number + 1) * size) % len(self.order)]
        rows = torch.tensor(np.stack([self.ids[i * self.length:(i + 1) * self.length + 1] for i in picked]).astype(np.int64))
        return rows[:, :-1], rows[:, 1:]


def optimizer(model, rate):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                             lr=rate, betas=(0.9, 0.95), fused=True)


@torch.no_grad()
def held_out(model, path, rule, windows=HELD_OUT_WINDOWS, batch=16):
    """The mean loss under a rule of `Model.forward`."""
    texts, total = Windows(path, model.shape.context), 0.0
    for number in range(windows // batch):
        tokens, targets = texts.batch(number, batch)
        total += F.cross_entropy(model(tokens, rule).flatten(0, 1), targets.flatten()).item()
    return total / (windows // batch)


def train(settings, tokens, directory, compiled=True):
    folder = directory / settings.name
    if (folder / "run.json").exists():
        return json.loads((folder / "run.json").read_text())
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    model = SmallModel(settings.shape)
    losses, optim = Losses(model, compiled), optimizer(model, settings.rate)
    windows = Windows(tokens / "train.npy", settings.shape.context, settings.seed)
    step, curve, saved = 0, [], time.monotonic()
    partial = folder / "partial.pt"
    if partial.exists():
        state = torch.load(partial, weights_only=False)
        model.load_state_dict(state["model"])
        optim.load_state_dict(state["optimizer"])
        step, curve = state["step"], state["curve"]
    while step < settings.steps:
        for group in optim.param_groups:
            group["lr"] = settings.rate_at(step)
        loss, predictor = losses(*windows.batch(step, settings.batch))
        (loss + predictor).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optim.step()
        optim.zero_grad()
        step += 1
        curve.append((loss.item(), predictor.item()))
        if time.monotonic() - saved > SAVE_SECONDS:
            torch.save({"model": model.state_dict(), "optimizer": optim.state_dict(), "step": step, "curve": curve}, partial)
            saved = time.monotonic()
            print(settings.name, step, "of", settings.steps, np.mean([c[0] for c in curve[-50:]]), flush=True)
    run = report(settings, model, tokens, curve)
    torch.save(model.state_dict(), folder / "model.pt")
    (folder / "run.json").write_text(json.dumps(run) + "\n")
    partial.unlink(missing_ok=True)
    print(json.dumps({k: v for k, v in run.items() if k != "curve"}), flush=True)
    return run


def report(settings, model, tokens, curve):
    rules = {"topk": model.topk, "predictor": model.predictor} if settings.shape.capacity else {"dense": None}
    parameters = sum(p.numel() for p in model.parameters())
    return {"name": settings.name, "settings": asdict(settings), "steps": settings.steps,
            "tokens": settings.steps * settings.batch * settings.shape.context, "parameters": parameters,
            "parameters_without_embeddings": parameters - model.token_embd.weight.numel(),
            "training_flops": settings.steps * settings.batch * training_flops(settings.shape),
            "forward_flops_per_token": forward_flops(settings.shape) / settings.shape.context,
            "held_out": {name: held_out(model, tokens / "heldout.npy", rule) for name, rule in rules.items()},
            # Means of so many steps each.
            "curve": [[round(float(v), 4) for v in np.mean(curve[i:i + 20], 0)] for i in range(0, len(curve), 20)]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--capacity", type=float, default=0.0, help="0, the default, is a dense model")
    parser.add_argument("--gate", default=Shape.gate, help="r or sigmoid(r)")
    parser.add_argument("--flops", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=Settings.rate, help="the peak learning rate")
    parser.add_argument("--batch", type=int, default=Settings.batch, help="windows a step")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--eager", action="store_true", help="do not compile")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    shape = Shape(args.width, args.blocks, capacity=args.capacity, gate=args.gate)
    train(Settings(shape, args.flops, args.seed, args.rate, args.batch), args.tokens, args.runs, not args.eager)


if __name__ == "__main__":
    main()
