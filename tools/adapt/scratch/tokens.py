"""Trains the tokenizer on the corpus, and turns the corpus into token ids.

    python -m scratch.tokens work/corpus work/tokens

Byte-level BPE (GPT-2's) with single digits, which GGUF calls `smollm`; 4096 tokens of which <|endoftext|> ends a document.
Writes tokenizer.json, tokenizer_config.json, train.npy and heldout.npy, ids in 16 bits.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import zstandard
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
VOCABULARY = 4096


def documents(path):
    return zstandard.decompress(path.read_bytes()).decode().split("\0")


def train(texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    return tokenizer


def encode(tokenizer, texts):
    """All documents one after another, each ended."""
    ids = []
    for start in range(0, len(texts), 500):
        for encoding in tokenizer.encode_batch(texts[start:start + 500]):
            ids.append(np.array(encoding.ids + [0], np.uint16))
    return np.concatenate(ids)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("directory", type=Path)
    args = parser.parse_args()
    args.directory.mkdir(parents=True, exist_ok=True)
    texts = {name: documents(args.corpus / f"{name}.txt.zst") for name in ("train", "heldout")}
    # Documents of a package stand together; in training they come in any order, the same each time.
    order = np.random.default_rng(0).permutation(len(texts["train"]))
    texts["train"] = [texts["train"][i] for i in order]
    tokenizer = train(texts["train"][::4])
    tokenizer.save(str(args.directory / "tokenizer.json"))
    (args.directory / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "GPT2Tokenizer", "bos_token": END, "eos_token": END, "add_bos_token": False}) + "\n")
    for name, part in texts.items():
        ids = encode(tokenizer, part)
        np.save(args.directory / f"{name}.npy", ids)
        print(name, len(part), "documents", len(ids), "tokens", sum(len(t.encode()) for t in part) / len(ids), "bytes a token")


if __name__ == "__main__":
    main()
