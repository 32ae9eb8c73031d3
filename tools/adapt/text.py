"""Prose out of the files of packages, as token ids in windows of one length.

    python text.py train.npy --model model.gguf --depths ../../depths FOLDER_OR_FILE...

Reads HTML, POD, reStructuredText and plain text by paragraphs, of data files of games (.cfg, .txt, .json) the quoted
strings that are sentences, and the corpus of `scratch.corpus` (.txt.zst). The tokens are those of `depths tokenize`, so that
training sees what the runtime sees.
"""
import argparse
import gzip
import html
import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import zstandard

SUFFIXES = {".html", ".xhtml", ".pod", ".txt", ".rst", ".md", ".cfg", ".json"}
# Shorter paragraphs are mostly headings, menus and names.
LEAST_CHARACTERS = 80


def paragraphs(path):
    """The running text of a file, a string for each paragraph."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", errors="ignore") as file:
        text = file.read()
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix in (".html", ".xhtml"):
        found = of_html(text)
    elif suffix in (".cfg", ".json") or suffix == ".txt" and text.count('"') + text.count("`") > len(text.splitlines()) / 2:
        found = re.findall(r'"([^"]{%d,})"' % LEAST_CHARACTERS, text) + re.findall(r"`([^`]{%d,})`" % LEAST_CHARACTERS, text)
        found = [re.sub(r"<[^>]*>", "", string.replace("\\n", " ")) for string in found]
    else:
        # Indented lines are code; lines that start with a sign are markup.
        found = [p for p in re.split(r"\n\s*\n", text) if p and not re.match(r"[\s=.:*|+#]", p)]
        found = [re.sub(r"[BCEFILSX]<+\s*([^<>]*?)\s*>+", r"\1", p) for p in found]
    return [p for p in (re.sub(r"\s+", " ", p).strip() for p in found) if is_prose(p)]


def of_html(text):
    text = re.sub(r"(?s)<(script|style|pre|nav|head)\b.*?</\1>", " ", text)
    return [html.unescape(re.sub(r"<[^>]*>", "", p)) for p in re.split(r"(?i)</?(?:p|li|h\d|div|td|dd|dt)\b[^>]*>", text)]


def is_prose(text):
    """Mostly lower-case ASCII words that make sentences."""
    if len(text) < LEAST_CHARACTERS or not re.search(r"[.!?]", text):
        return False
    plain = sum(c.islower() and c.isascii() or c == " " for c in text)
    return plain > 0.85 * len(text)


def documents(sources):
    """Files in a fixed order, each as one text; what was seen already is left out."""
    seen = set()
    for source in map(Path, sources):
        if source.suffix == ".zst":
            # Read whole: the corpus' paragraphs are prose already, and each of them is there once.
            text = zstandard.ZstdDecompressor().stream_reader(source.open("rb")).read().decode()
            yield from (document.replace("\n", "\n\n") for document in text.split("\0"))
            continue
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in files:
            suffix = Path(file.stem).suffix if file.suffix == ".gz" else file.suffix
            if suffix not in SUFFIXES or not file.is_file():
                continue
            fresh = []
            for paragraph in paragraphs(file):
                if paragraph not in seen:
                    seen.add(paragraph)
                    fresh.append(paragraph)
            if fresh:
                yield "\n\n".join(fresh)


def letters(paragraph):
    """What two versions of a paragraph have in common."""
    return re.sub(r"[\W\d_]+", "", paragraph.lower())


def without(documents, others):
    """Those documents that share no paragraph with others."""
    known = {letters(paragraph) for document in others for paragraph in document.split("\n\n")}
    return [d for d in documents if not any(letters(paragraph) in known for paragraph in d.split("\n\n"))]


def tokenize(depths, model, text):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        out = subprocess.run([depths, "tokenize", "-m", model, "-f", file.name], check=True, capture_output=True, text=True)
    return [int(token) for token in out.stdout.split()]


def tokens(args, texts, characters=4_000_000):
    """Of documents, so many characters at a time."""
    ids, part = [], ""
    for text in texts:
        part += text + "\n\n"
        if len(part) > characters:
            ids += tokenize(args.depths, args.model, part)
            part = ""
    return ids + tokenize(args.depths, args.model, part) if part else ids


def windows(tokens, length):
    """[windows, length] int32; what is left at the end is dropped."""
    count = len(tokens) // length
    return np.array(tokens[:count * length], dtype=np.int32).reshape(count, length)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help=".npy of int32 [windows, length]")
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--model", required=True, help="GGUF file or directory whose tokenizer is used")
    parser.add_argument("--depths", default="depths", help="the depths command")
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--most", type=int, default=0, help="most windows of each source, evenly taken; 0 for all")
    parser.add_argument("--without", nargs="+", default=(), help="documents that share a paragraph with these are left out")
    args = parser.parse_args()
    rows, known = [], list(documents(args.without))
    for source in args.sources:
        found = list(documents([source]))
        found = windows(tokens(args, without(found, known) if known else found), args.length)
        if args.most and len(found) > args.most:
            found = found[np.linspace(0, len(found) - 1, args.most).astype(int)]
        print(json.dumps({"source": source, "windows": len(found)}))
        rows.append(found)
    np.save(args.out, np.concatenate(rows))


if __name__ == "__main__":
    main()
