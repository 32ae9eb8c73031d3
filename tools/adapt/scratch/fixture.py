"""Makes the test fixture of a trained model: its q8_0 GGUF file, and what PyTorch computes of it on a held-out document.

    python -m scratch.fixture work/corpus work/tokens work/runs/NAME ../../depths ../src/test/resources/trained --document 811

The document's beginning, as many tokens as the context holds, is the text; its losses and the decisions are of f32 on the
dequantised weights. A text with a score nearer than 1e-4 to a border of a decision is refused: engines could differ there.
"""
import argparse
import json
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from scratch.evaluate import Depths, recorded
from scratch.export import load, write
from scratch.tokens import documents

LEAST_MARGIN = 1e-4


def dequantised(model, path):
    """The model with the weights of a file."""
    weights = {t.name: torch.tensor(gguf.dequantize(t.data, t.tensor_type).reshape(t.shape[::-1].tolist()))
               for t in gguf.GGUFReader(path).tensors}
    model.load_state_dict(weights)
    return model


def margins(model, rule_name, into):
    """A rule that also puts down how near its scores come to the border."""
    def rule(block, prefix, x):
        if rule_name == "topk":
            decision, score = model.topk(block, prefix, x), block.score(x, prefix)
            border = score[decision.chosen].min()
            into.append((border - score[~decision.chosen]).min().item())
        else:
            decision = model.predictor(block, prefix, x)
            into.append((torch.sigmoid(block.predict(x, prefix)) - 0.5).abs().min().item())
        return decision
    return rule


@torch.no_grad()
def golden(model, ids, rule):
    chosen, near = {}, []
    logits = model(torch.tensor([ids]), recorded(margins(model, rule, near), chosen))[0]
    if min(near) < LEAST_MARGIN:
        raise SystemExit(f"a score of {rule} is {min(near):.1e} from a border: take another document")
    losses = F.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")
    return {"losses": [round(v, 5) for v in losses.tolist()],
            "computed": {str(block): c[0].nonzero().flatten().tolist() for block, c in sorted(chosen.items())}}


def loss_of_frequencies(train, ids):
    """The loss of a model that predicts every token with its frequency in the training text."""
    counts = np.bincount(train, minlength=int(max(ids)) + 1) + 1.0
    return float(-np.log(counts[ids[1:]] / counts.sum()).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("corpus", "tokens", "run", "depths", "folder"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--document", type=int, required=True, help="which of the held-out documents")
    args = parser.parse_args()
    model, file = load(args.run), args.folder / "small-mod.gguf"
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        write(model, args.tokens / "tokenizer.json", Path(scratch) / "f32.gguf", args.run.name)
        Depths(args.depths)("convert", "--force", "--type", "q8_0", Path(scratch) / "f32.gguf", file)
    model = dequantised(model, file)
    tokenizer = Tokenizer.from_file(str(args.tokens / "tokenizer.json"))
    text = documents(args.corpus / "heldout.txt.zst")[args.document]
    encoding = tokenizer.encode(text)
    # A part of the text whose tokens are those of the whole, if it ends with a word.
    end = max(i for i in range(1, model.shape.context) if text[encoding.offsets[i][0]] == " ")
    ids, text = encoding.ids[:end], text[:encoding.offsets[end][0]]
    assert tokenizer.encode(text).ids == ids
    fixture = {"run": args.run.name, "capacity": model.shape.capacity, "text": text, "tokens": ids,
               "loss_of_frequencies": round(loss_of_frequencies(np.load(args.tokens / "train.npy"), ids), 5),
               "rules": {rule: golden(model, ids, rule) for rule in ("topk", "predictor")}}
    (args.folder / "small-mod.json").write_text(json.dumps(fixture, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
