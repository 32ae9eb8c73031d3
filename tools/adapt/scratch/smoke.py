"""What a GPU does with these models, before the grid is trained on it.

    python -m scratch.smoke work/tokens

Prints whether captured steps give the losses of launched ones, the rates of training at several widths and batches, and a
sweep of the learning rate at two widths with the options for scratch.grid that follow from it.
"""
import argparse
import math
import time
from pathlib import Path

import torch

from scratch import heldout
from scratch.flops import training_flops
from scratch.topk import Shape
from scratch.train import Settings, Trainer, Windows, finish, load_ids, peak_rate

CAPACITY = 0.125
CONTEXT = Shape(32).context
# Width, floating-point operations, capacities, and three rates, each the same multiple of the one before.
SWEEP = ((64, 1e14, (0.0, CAPACITY), (5e-3, 1e-2, 2e-2)), (256, 3e14, (0.0,), (2.5e-3, 5e-3, 1e-2)))
ROW = "{:>6} {:>5} {:>5} {:>3} {:>9} {:>12} {:>9}"


def of_steps(shape, steps, batch=Settings.batch, seed=1):
    return Settings(shape, steps * batch * training_flops(shape), seed, peak_rate(shape.width), batch)


def same_losses(ids, steps=30):
    """The largest difference between the losses of captured steps and of launched ones."""
    settings = of_steps(Shape(64, capacity=CAPACITY), steps)
    curves = []
    for graphed in (False, True):
        trainer = Trainer(settings, ids, compiled=False, graphed=graphed)
        finish([trainer])
        curves.append(trainer.curve)
    captured = trainer.graph is not None
    print(f"captured: {captured}; losses {curves[0][-1].tolist()} and {curves[1][-1].tolist()}, at most "
          f"{(curves[0] - curves[1]).abs().max().item():.4f} apart in {steps} steps", flush=True)


def rate(ids, width, capacity, batch, compiled, runs, steps=60):
    """Prints tokens a second of so many runs side by side."""
    shape = Shape(width, capacity=capacity)
    start = time.time()
    trainers = [Trainer(of_steps(shape, steps, batch, seed), ids, compiled) for seed in range(runs)]
    for trainer in trainers:
        trainer.step()
    synchronize()
    ready = time.time()
    tokens = batch * shape.context * sum(t.left for t in trainers)
    finish(trainers)
    seconds = time.time() - ready
    print(ROW.format(width, "MoD" if capacity else "dense", batch, runs, "compiled" if compiled else "eager",
                     f"{tokens / seconds / 1e6:.2f} M/s", f"{tokens / shape.context * training_flops(shape) / seconds / 1e12:.1f}"),
          f"   {ready - start:.1f} s to begin", flush=True)


def synchronize():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def lowest(losses):
    """The rate at the vertex of the parabola through the three losses, by logarithms of the rates, within what was tried."""
    (low, a), (middle, b), (high, c) = losses.items()
    curvature = a - 2 * b + c
    if curvature <= 0:
        return min(losses, key=losses.get)
    return min(max(middle * (middle / low) ** ((a - c) / (2 * curvature)), low), high)


def sweep(ids, windows, compiled, scale):
    """Prints held-out losses by rate, and the options of the grid that the dense models' best rates come to."""
    best = {}
    for width, flops, capacities, rates in SWEEP:
        for capacity in capacities:
            start = time.time()
            trainers = [Trainer(Settings(Shape(width, capacity=capacity), flops * scale, 1, r), ids, compiled) for r in rates]
            finish(trainers)
            losses = {t.settings.rate: heldout.losses(t.model.eval(), windows)["topk" if capacity else "dense"] for t in trainers}
            print(f"{trainers[0].settings.name}: " + ", ".join(f"{r:g}: {loss:.4f}" for r, loss in losses.items())
                  + f"; best at {lowest(losses):.4f}; {time.time() - start:.1f} s", flush=True)
            if not capacity:
                best[width] = lowest(losses)
    (narrow, first), (wide, second) = best.items()
    exponent = math.log(second / first) / math.log(wide / narrow)
    print(f"--rate {first * (128 / narrow) ** exponent:.2g} --exponent {exponent:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sweep's budgets")
    args = parser.parse_args()
    start = time.time()
    ids = load_ids(args.tokens / "train.npy", args.device)
    windows = Windows(load_ids(args.tokens / "heldout.npy", args.device), CONTEXT, seed=0)
    print(torch.__version__, torch.cuda.get_device_name() if ids.is_cuda else "CPU", len(ids), "tokens", flush=True)
    same_losses(ids)
    print(ROW.format("width", "kind", "batch", "run", "", "tokens", "TFLOP/s"))
    for width in (64, 128, 256):
        for capacity in (0.0, CAPACITY):
            for batch, runs in ((32, 1), (32, 2), (64, 2)):
                rate(ids, width, capacity, batch, False, runs)
    print(f"{time.time() - start:.0f} s", flush=True)
    for width, capacity in ((64, 0.0), (64, CAPACITY), (256, 0.0)):
        for runs in (1, 2, 4):
            rate(ids, width, capacity, 32, True, runs)
    print(f"{time.time() - start:.0f} s", flush=True)
    sweep(ids, windows, True, args.scale)
    print(f"{time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
