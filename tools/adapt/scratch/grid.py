"""Trains the grid of the report, one run after the other, the most telling ones first; those that are done are left alone.

    python -m scratch.grid work/tokens work/runs
"""
import argparse
from pathlib import Path

import torch

from scratch.topk import Shape
from scratch.train import Settings, train

CAPACITY = 0.125
SMALL, LARGE = 1e12, 3e12  # floating-point operations


SIZES = ((32, 8), (64, 8), (64, 4), (32, 4), (96, 8))  # width and blocks


def grid(rate, gate):
    for width, blocks in SIZES:
        for flops in (LARGE, SMALL):
            for seed in (1, 2):
                for capacity in (0.0, CAPACITY):
                    yield Settings(Shape(width, blocks, capacity=capacity, gate=gate), flops, seed, rate)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--rate", type=float, default=Settings.rate, help="the peak learning rate")
    parser.add_argument("--gate", default=Shape.gate, help="r or sigmoid(r)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for settings in grid(args.rate, args.gate):
        # What was compiled for another shape does not count towards the compiler's limit of variants.
        torch.compiler.reset()
        train(settings, args.tokens, args.runs)


if __name__ == "__main__":
    main()
