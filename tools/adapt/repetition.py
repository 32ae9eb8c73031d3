"""How many greedy texts go round in circles: of each setting, those in which few word triples are new.

    python repetition.py --depths ../../depths "dense: -m q8_0.gguf" "0.78: -m q8_0.gguf --adapter adapter.gguf --capacity 0.78"
"""
import argparse
import shlex
import subprocess
from pathlib import Path

BEGINNINGS = (Path(__file__).parent / "beginnings.txt").read_text().splitlines()
# Below this share of distinct triples, a text of some hundred words repeats whole sentences.
ROUND = 0.6


def distinct(text):
    """The share of a text's word triples that are not there more than once; 1 of a text without any."""
    words = text.split()
    triples = list(zip(words, words[1:], words[2:]))
    return len(set(triples)) / len(triples) if triples else 1.0


def text(args, options, beginning):
    command = [args.depths, "generate", "--temp", "0", "-n", str(args.predict), *options, beginning]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="+", metavar="NAME:OPTIONS", help="options of generate")
    parser.add_argument("--depths", default="depths")
    parser.add_argument("--predict", type=int, default=128, help="tokens")
    args = parser.parse_args()
    for setting in args.settings:
        name, _, options = setting.partition(":")
        shares = sorted(distinct(text(args, shlex.split(options), b)) for b in BEGINNINGS)
        print(f"{name}: {sum(s < ROUND for s in shares)} of {len(shares)} go round, "
              f"distinct triples {shares[len(shares) // 2]:.2f} in the median", flush=True)


if __name__ == "__main__":
    main()
