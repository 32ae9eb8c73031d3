"""Rates of one model of each kind and size, with Depths, in turns, so that what else the machine does meets all of them.

    python -m scratch.rates work/models ../../depths

Writes work/models/rates.json: the tokens per second of each turn, a process of its own, for prompts (pp) and generation (tg).
"""
import argparse
import json
from collections import defaultdict
from pathlib import Path

from scratch.evaluate import Depths


def one_of_each(models):
    """Of a kind and size (the beginning of the name) the last in the alphabet: rates do not depend on budget and seed."""
    return sorted({file.name.rsplit("-", 3)[0]: file for file in sorted(models.glob("*-q8_0.gguf"))}.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path)
    parser.add_argument("depths", type=Path)
    parser.add_argument("--turns", type=int, default=5)
    # Models this small are slower with two threads whenever the other core has anything else to do.
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    depths, rates = Depths(args.depths), defaultdict(lambda: defaultdict(list))
    for _ in range(args.turns):
        for file in one_of_each(args.models):
            for row in depths.json("bench", "-m", file, "-p", 256, "-n", 128, "-r", 3, "-t", args.threads,
                                   "-o", "json"):
                test = f"pp{row['n_prompt']}" if row["n_prompt"] else f"tg{row['n_gen']}"
                rates[file.name.removesuffix("-q8_0.gguf")][test].append(row["avg_ts"])
    (args.models / "rates.json").write_text(json.dumps(rates, indent=1) + "\n")


if __name__ == "__main__":
    main()
