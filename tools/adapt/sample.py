"""Text that the model itself writes, with `depths generate --parallel` at temperature 1, as windows of token ids.

    python sample.py own.npy --model model.gguf --depths ../../depths --prompts prompts.txt --rounds 4

Each line of the file of prompts is a beginning; the ids are those that were drawn, so nothing is tokenised anew. What ends
before a window is full is followed by the next.
"""
import argparse
import json
import subprocess

import numpy as np

from text import tokenize, windows


def continuations(args, prompt, seed):
    """Token ids of `parallel` continuations, each with its prompt."""
    out = subprocess.run(
        [args.depths, "generate", "--no-adapter", "-m", args.model, "--json", "--parallel", str(args.parallel), "-n",
         str(args.predict), "--temp", "1", "--top-k", "0", "--top-p", "1", "--min-p", "0", "--seed", str(seed), prompt],
        check=True, capture_output=True, text=True)
    beginning = tokenize(args.depths, args.model, prompt)
    return [beginning + entry["tokens"] for entry in json.loads(out.stdout)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--model", required=True)
    parser.add_argument("--depths", default="depths")
    parser.add_argument("--prompts", required=True, help="a beginning on each line, with \\n for an end of line")
    parser.add_argument("--rounds", type=int, default=1, help="how often each prompt is used")
    parser.add_argument("--parallel", type=int, default=32)
    parser.add_argument("--predict", type=int, default=256)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with open(args.prompts) as file:
        prompts = [line.rstrip("\n").replace("\\n", "\n") for line in file if line.strip()]
    tokens, seed = [], args.seed
    for _ in range(args.rounds):
        for prompt in prompts:
            for continuation in continuations(args, prompt, seed):
                tokens += continuation
            seed += args.parallel
            np.save(args.out, windows(tokens, args.length))
            print(f"{len(tokens)} tokens", flush=True)


if __name__ == "__main__":
    main()
