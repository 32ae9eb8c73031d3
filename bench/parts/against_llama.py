"""Depths beside llama.cpp: the same files, threads and tests, in turns."""

import statistics
from pathlib import Path

import llama_cpp
import rounds
import targets
from tables import checked, table

TITLE = "Against llama.cpp"
TESTS = [{"-p": [512], "-n": [128], "-d": [0]}, {"-p": [0], "-n": [64], "-d": [2048]}]
NAMES = ["pp512", "tg128", "tg64 @ d2048"]


def measure(context):
    models = context.models or [llama_cpp.quantize(context.llama_bench, context.default_model, t)
                                for t in context.types]
    return {"rows": rounds.measure(context.llama_bench, context.depths, models, context.threads, TESTS,
                                   context.rounds, context.repetitions),
            "types": {str(m): t for m, t in zip(models, context.types if not context.models else names(models))}}


def names(models):
    return [Path(m).stem for m in models]


def markdown(data):
    figures = rounds.series(data["rows"])
    version = next(r["version"] for r in data["rows"] if r["engine"] == "llama.cpp")
    columns = ["weights", ">threads"]
    for name in NAMES:
        columns += [f">{name}: llama.cpp", ">Depths", f">ratio (at least {targets.AGAINST_LLAMA_CPP[name]:g})"]
    rows = []
    for model, threads in dict.fromkeys((r["model"], r["n_threads"]) for r in data["rows"]):
        row = [data["types"][model], threads]
        for name in NAMES:
            row += cells(figures, (model, name, threads), targets.AGAINST_LLAMA_CPP[name])
        rows.append(row)
    return [f"Tokens per second, dense, on the same GGUF files: medians of the rounds. llama.cpp {version}, built for "
            "this processor. Files whose rows are no whole number of a K-quant's blocks of 256 hold those matrices "
            "in another type, as `llama-quantize` chose it; both engines run the same file.", "",
            *table(columns, rows)]


def cells(figures, test, target):
    peer = figures.get((test, "llama.cpp", "dense"))
    ours = figures.get((test, "Depths", "dense"))
    if not peer or not ours:
        return ["", "", ""]
    ratio = statistics.median(ours) / statistics.median(peer)
    return [f"{statistics.median(peer):.1f}", f"{statistics.median(ours):.1f}",
            checked(f"{ratio:.2f}", ratio >= target)]
