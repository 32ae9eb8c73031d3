"""Values on command lines."""

import argparse
import os
from pathlib import Path

THREADS = [n for n in (1, 2) if n <= (os.cpu_count() or 1)]


def existing(text):
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return path.absolute()


def words(text):
    return [w for w in text.split(",") if w]


def numbers(text):
    try:
        return [int(w) for w in words(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: not numbers separated by commas") from None


def positive(text):
    n = int(text)
    if n < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 1")
    return n
