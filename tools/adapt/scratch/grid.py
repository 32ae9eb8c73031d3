"""Trains the grid of the report, in an order that leaves something complete whenever it is cut off; what is done is left alone.

    python -m scratch.grid work/tokens work/runs [--minutes 7] [--workers 2] [--pack FOLDER]

Runs of one size and budget, dense and MoD, are trained side by side; so are several sizes, each in a process of its own, if
there are workers: while one compiles, the others use the GPU. `--pack` writes, after each of them, parts of a tar file for
taking away: run.json of all runs and model.pt of those that are worth measuring (`cat runs.tar.* | tar x`).
"""
import argparse
import io
import json
import tarfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import torch

from scratch.heldout import is_routed, own_loss
from scratch.topk import Shape
from scratch.train import EXPONENT, RATE, Settings, peak_rate, train

CAPACITY = 0.125
# Floating-point operations, seeds that are trained side by side, and widths, those first that ought to be near the best.
GRID = ((1e14, (1, 2), (96, 64, 128, 192, 32)),
        (3e14, (1, 2), (128, 96, 192, 64, 256)),
        (1e15, (1,), (192, 128, 256, 96, 384)),
        (1e15, (2,), (192, 128, 256, 96, 384)),
        (3e15, (1,), (256, 192, 384)))
PART_BYTES = 15 << 20
PACKED_BYTES = 58 << 20
TEST_RESOURCE_PARAMETERS = 2_700_000  # as q8_0 less than 3 MB


def groups(rate, exponent):
    for flops, seeds, widths in GRID:
        for width in widths:
            yield [Settings(Shape(width, capacity=capacity), flops, seed, peak_rate(width, rate, exponent))
                   for seed in seeds for capacity in (0.0, CAPACITY)]


def train_group(settings, deadline, *arguments):
    if time.time() > deadline:
        return f"no time for {', '.join(s.name for s in settings)}"
    start = time.time()
    runs = train(settings, *arguments)
    seconds, flops = time.time() - start, sum(run["training_flops"] for run in runs)
    return f"{len(runs)} runs in {seconds:.1f} s, {flops / seconds / 1e12:.1f} TFLOP/s"


def worth_measuring(runs):
    """Names of the best run of each budget and kind, smaller ones first, then of those of the other kind and the same size."""
    def size_budget_seed(run):
        return run["name"].split("-", 1)[1]

    runs = sorted(runs, key=own_loss)
    best = {}
    for run in runs:
        best.setdefault((run["settings"]["flops"], is_routed(run)), run)
    best = sorted(best.values(), key=lambda run: run["parameters"])
    small = [run for run in runs if is_routed(run) and run["parameters"] < TEST_RESOURCE_PARAMETERS][:1]
    others = [run for run in runs if size_budget_seed(run) in map(size_budget_seed, best)]
    return list(dict.fromkeys(run["name"] for run in small + best + others))


def pack(runs, folder):
    """Writes the parts of the tar file; models that would make it too large are left out."""
    files = sorted(runs.glob("*/run.json"))
    files += [runs / name / "model.pt" for name in worth_measuring([json.loads(file.read_text()) for file in files])]
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for file in files:
            if data.tell() + file.stat().st_size < PACKED_BYTES:
                tar.add(file, file.relative_to(runs))
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(data.getbuffer()), PART_BYTES):
        (folder / f"runs.tar.{start // PART_BYTES}").write_bytes(data.getbuffer()[start:start + PART_BYTES])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--rate", type=float, default=RATE, help="the peak learning rate of width 128")
    parser.add_argument("--exponent", type=float, default=EXPONENT, help="the power of the width by which it changes")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="after these no new run begins")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--pack", type=Path, metavar="FOLDER")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    args = parser.parse_args()
    start = time.time()
    with ProcessPoolExecutor(args.workers, get_context("spawn")) as pool:
        jobs = [pool.submit(train_group, settings, start + 60 * args.minutes, args.tokens, args.runs, args.device, not args.eager)
                for settings in groups(args.rate, args.exponent)]
        for job in as_completed(jobs):
            # A group that fails, for want of memory say, does not end the others.
            print(f"{time.time() - start:.0f} s:", job.exception() or job.result(), flush=True)
            if args.pack:
                pack(args.runs, args.pack)


if __name__ == "__main__":
    main()
