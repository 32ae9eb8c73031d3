"""Whether Depths computes of an adapter what this tool computes: logits, and which tokens each routed block ran.

    python verify.py model.gguf --adapter adapter.safetensors --text eval.npy --depths ../../depths
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch

import export
from loading import load
from routing import Dial


class Recorded(Dial):
    """Notes the positions that each block computes of a single sequence, and how near its scores were to the threshold."""

    def __init__(self):
        super().__init__(torch.tensor(0.0))
        self.computed, self.margin = {}, float("inf")

    def __call__(self, block, prefix, x):
        decision = super().__call__(block, prefix, x)
        self.computed[str(block.number)] = decision.chosen[0].nonzero().squeeze(1).tolist()
        self.margin = min(self.margin, self.scores[-1][0, self.initial:].abs().min().item())
        return decision


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="GGUF file; one of F32, F16 or BF16 compares best")
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--text", required=True, help=".npy of windows; the first is compared")
    parser.add_argument("--depths", default="depths")
    parser.add_argument("--tokens", type=int, default=200)
    args = parser.parse_args()
    tokens = np.load(args.text)[0][:args.tokens].tolist()
    model, _ = export.read(args.adapter, load(args.model).requires_grad_(False))
    rule = Recorded()
    with torch.no_grad():
        expected = model(torch.tensor([tokens]), rule)[0].numpy()
    with tempfile.TemporaryDirectory() as directory:
        logits, routing = Path(directory) / "logits.npy", Path(directory) / "routing.json"
        subprocess.run([args.depths, "logits", "--exact", "-m", args.model, "--adapter", args.adapter, "--tokens",
                        ",".join(map(str, tokens)), "-o", logits, "--routing", routing], check=True, stdout=subprocess.DEVNULL)
        actual, computed = np.load(logits), json.loads(routing.read_text())["blocks"]
    error = ((actual - expected) ** 2).mean() / expected.var()
    different = sum(len(set(computed[b]) ^ set(rule.computed[b])) for b in rule.computed)
    pairs = len(tokens) * len(rule.computed)
    print(f"normalised mean squared error {error:.2e}; {different} of {pairs} decisions differ; rate "
          f"{sum(map(len, computed.values())) / pairs:.3f}; nearest score {rule.margin:.1e} from the threshold")


if __name__ == "__main__":
    main()
