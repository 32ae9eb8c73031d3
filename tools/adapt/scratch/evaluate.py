"""Measures trained models with Depths.

    python -m scratch.evaluate work/corpus work/tokens work/runs work/models ../../depths [NAME ...]

Of each run whose model is there (or of those named) it writes work/models/NAME.gguf (f32) and NAME-q8_0.gguf, and NAME.json
with: parity of Depths' exact mode with PyTorch; perplexities under each rule; rates, and bytes of keys and values; a text.
"""
import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import torch

from scratch.export import load, write
from scratch.heldout import rules_of
from scratch.tokens import documents
from scratch.train import Windows, load_ids

PARITY_WINDOWS = 3
TEXT_CHARACTERS = 200_000
PROMPT_CHARACTERS, GENERATED = 450, 120  # about as many tokens each; together less than the context of 256


class Depths:
    def __init__(self, program):
        self.program = str(program)

    def __call__(self, *arguments):
        run = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"depths {' '.join(map(str, arguments))}: {run.stderr}")
        return run.stdout

    def json(self, *arguments):
        return json.loads(self(*arguments))

    def logits(self, file, ids, rule, scratch):
        """Logits of exact mode, and the positions that each routed block computed."""
        selection = ["--selection", rule] if rule else []
        self("logits", "--exact", "-m", file, "--tokens", ",".join(map(str, ids)), *selection,
             "-o", f"{scratch}.npy", "--routing", f"{scratch}.routing.json")
        routing = json.loads(Path(f"{scratch}.routing.json").read_text())["blocks"]
        return np.load(f"{scratch}.npy"), {int(block): positions for block, positions in routing.items()}


def recorded(rule, into):
    """The rule, putting down what it chose: block number -> chosen [batch, time]."""
    def record(block, prefix, x):
        decision = rule(block, prefix, x)
        into[block.number] = decision.chosen
        return decision
    return record


@torch.no_grad()
def parity(model, depths, file, tokens, scratch):
    """Of each rule the normalised mean squared error of Depths' logits, and whether every decision is the same."""
    windows, out = Windows(load_ids(tokens / "heldout.npy", "cpu"), model.shape.context, seed=0), {}
    for name, rule in rules_of(model).items():
        if name == "dense" and model.mod.blocks:
            continue
        errors, same = [], True
        for number in range(PARITY_WINDOWS):
            ids, chosen = windows.batch(number, 1)[0], {}
            ours = model(ids, recorded(rule, chosen) if rule else None)[0].double().numpy()
            theirs, computed = depths.logits(file, ids[0].tolist(), name if rule else None, scratch)
            errors.append(float(((ours - theirs) ** 2).mean() / ours.var()))
            same &= all(chosen[b][0].nonzero().flatten().tolist() == computed[b] for b in chosen)
        out[name] = {"nmse": max(errors), "same_decisions": same}
    return out


def measured(model, depths, file, small, text, scratch):
    """What Depths measures: losses on a text from the f32 file, rates and memory with the q8_0 file."""
    losses = {}
    for rule in rules_of(model):
        routing = ["--routing", rule] if model.mod.blocks else []
        found = depths.json("perplexity", "-m", file, "-f", text, "-c", model.shape.context, *routing, "-o", "json")
        losses[rule] = {key: found[key] for key in ("perplexity", "perplexity_stderr", "n_scored")}
    causal = ["--routing", "predictor"] if model.mod.blocks else []
    bench = {}
    for row in depths.json("bench", "-m", small, "-p", 256, "-n", 128, "-r", 3, *causal, "-o", "json"):
        test = f"pp{row['n_prompt']}" if row["n_prompt"] else f"tg{row['n_gen']}"
        bench[test] = {key: row[key] for key in ("avg_ts", "stddev_ts", "blocks_run", "weight_gb_per_s")}
    prompt = Path(f"{scratch}.prompt.txt")
    prompt.write_text(text.read_text()[:PROMPT_CHARACTERS])
    made = depths.json("generate", "-m", small, "-f", prompt, "-n", GENERATED, "--seed", 1, "--ignore-eos", "--json")
    return {"perplexity": losses, "bench": bench, "weight_bytes": made["memory"]["weight_bytes"],
            "kv_bytes": made["memory"]["kv_bytes"], "kv_bytes_by_block": made["memory"]["kv_bytes_by_block"],
            "tokens_held": sum(made["timings"][part]["tokens"] for part in ("prompt", "generation")),
            "routing": made["routing"], "text": made["text"]}


def evaluate(folder, corpus_text, tokens, models, depths):
    model, name = load(folder), folder.name
    file, small, scratch = models / f"{name}.gguf", models / f"{name}-q8_0.gguf", models / name
    write(model, tokens / "tokenizer.json", file, name)
    depths("convert", "--force", "--type", "q8_0", file, small)
    result = {"name": name, "parity": parity(model, depths, file, tokens, scratch),
              "depths": measured(model, depths, file, small, corpus_text, scratch)}
    (models / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    for suffix in (".npy", ".routing.json", ".prompt.txt"):
        Path(f"{scratch}{suffix}").unlink(missing_ok=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("corpus", "tokens", "runs", "models", "depths"):
        parser.add_argument(name, type=Path)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    args.models.mkdir(parents=True, exist_ok=True)
    text = args.models / "heldout.txt"
    held_out = documents(args.corpus / "heldout.txt.zst")
    # In any order, since documents of a package stand together.
    text.write_text("\n\n".join(held_out[i] for i in np.random.default_rng(0).permutation(len(held_out)))[:TEXT_CHARACTERS])
    for folder in sorted(args.runs.iterdir()):
        wanted = not args.names or folder.name in args.names
        if wanted and (folder / "model.pt").exists() and not (args.models / f"{folder.name}.json").exists():
            result = evaluate(folder, text, args.tokens, args.models, Depths(args.depths))
            print(result["name"], result["parity"], flush=True)


if __name__ == "__main__":
    main()
