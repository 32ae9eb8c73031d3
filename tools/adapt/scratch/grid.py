"""Trains the grid of the report, one run after the other, the most telling ones first; those that are done are left alone.

    python -m scratch.grid work/tokens work/runs
"""
import argparse
from pathlib import Path

import torch

from scratch.topk import Shape
from scratch.train import Settings, train

CAPACITY = 0.125
SMALL, LARGE = 1e12, 4e12  # floating-point operations


def grid():
    for flops, widths in ((LARGE, (64, 96)), (SMALL, (32, 64)), (SMALL, (96,)), (LARGE, (128,))):
        for seed in (1, 2):
            for width in widths:
                for capacity in (0.0, CAPACITY):
                    yield Settings(Shape(width, capacity=capacity), flops, seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    for settings in grid():
        train(settings, args.tokens, args.runs)


if __name__ == "__main__":
    main()
