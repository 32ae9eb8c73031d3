"""Gives an adapter's scores a slope over positions (`mod.position_slope`), so that one threshold means the same along a text.

    python slope.py model.gguf --adapter adapter.safetensors --text text.npy --slope 0.12 --out adapter2.safetensors

Routers' biases are shifted so that the adapter's own threshold computes the same share of a text as is asked for.
"""
import argparse
import json

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import export
from evaluate import scores
from loading import load

# What is computed changes the scores of later blocks: the shift is found again with the one before.
ROUNDS = 3


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="GGUF file or Hugging Face directory")
    parser.add_argument("--adapter", required=True, help="safetensors file")
    parser.add_argument("--text", required=True, help=".npy of integers [windows, length]")
    parser.add_argument("--windows", type=int, default=8, help="how many of them are run, evenly taken")
    parser.add_argument("--slope", type=float, required=True, help="what a score gains, times ln(1 + position)")
    parser.add_argument("--rate", type=float, default=0.75, help="share computed at the adapter's own threshold")
    parser.add_argument("--out", required=True)
    args = parser.parse_args(words)
    windows = np.load(args.text)
    windows = torch.tensor(windows[np.linspace(0, len(windows) - 1, args.windows).astype(int)], dtype=torch.long)
    with safe_open(args.adapter, "pt") as file:
        descriptor = json.loads(file.metadata()["mod"])
        values = {name: file.get_tensor(name) for name in file.keys()}
    descriptor["position_slope"] = args.slope
    dense = load(args.model).requires_grad_(False)
    for round in range(ROUNDS + 1):
        save_file(values, args.out, {"mod": json.dumps(descriptor)})
        found = scores(export.read(args.out, dense)[0], windows)
        print(f"own threshold: {(found > 0).float().mean():.4f} computed", flush=True)
        if round < ROUNDS:
            zero = found.sort().values[int((1 - args.rate) * len(found))]
            values = {name: value - zero if name.endswith("router.bias") else value for name, value in values.items()}


if __name__ == "__main__":
    main()
