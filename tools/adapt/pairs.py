"""What the dense model writes beside what it writes with an adapter, greedy and unedited, for the report.

    python pairs.py model.gguf --adapter adapter.gguf --depths ../../depths --capacity 0.78 0.68 --out pairs.json
"""
import argparse
import json
import subprocess
from pathlib import Path

PROMPTS = (Path(__file__).parent / "beginnings.txt").read_text().splitlines()[:5]


def text(args, prompt, *more):
    out = subprocess.run([args.depths, "generate", "-m", args.model, "--temp", "0", "-n", str(args.predict), *more, prompt],
                         check=True, capture_output=True, text=True)
    return out.stdout.rstrip("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--adapter", required=True, help="calibrated")
    parser.add_argument("--depths", default="depths")
    parser.add_argument("--capacity", nargs="+", default=["0.75"])
    parser.add_argument("--predict", type=int, default=64, help="tokens")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    written = [{"prompt": prompt, "dense": text(args, prompt),
                "adapter": {c: text(args, prompt, "--adapter", args.adapter, "--capacity", c) for c in args.capacity}}
               for prompt in PROMPTS]
    with open(args.out, "w") as file:
        json.dump(written, file, indent=1)


if __name__ == "__main__":
    main()
