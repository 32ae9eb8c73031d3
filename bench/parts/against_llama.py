"""Depths beside llama.cpp: the same files, threads and tests, in turns."""

import statistics
from pathlib import Path

import llama_cpp
import machine
import rounds
import targets
from tables import checked, table

TITLE = "Against llama.cpp"
TESTS = [{"-p": [512], "-n": [128], "-d": [0]}, {"-p": [0], "-n": [64], "-d": [2048]}]
NAMES = ["pp512", "tg128", "tg64 @ d2048"]


def measure(context):
    models = context.models or [llama_cpp.quantize(context.llama_bench, context.default_model, t)
                                for t in context.types]
    labels = names(models) if context.models else context.types
    flags = machine.flags()
    # A file's name says nothing certain of its types.
    asked = {t: targets.ANY_TYPE if context.models else targets.against_llama_cpp(t, flags) for t in labels}
    return {"rows": rounds.measure(context.llama_bench, context.depths, models, context.threads, TESTS,
                                   context.rounds, context.repetitions),
            "types": dict(zip(map(str, models), labels)), "targets": asked}


def names(models):
    return [Path(m).stem for m in models]


def markdown(data):
    figures = rounds.series(data["rows"])
    version = next(r["version"] for r in data["rows"] if r["engine"] == "llama.cpp")
    columns = ["weights", ">threads"]
    for name in NAMES:
        columns += [f">{name}: llama.cpp", ">Depths", ">ratio"]
    rows = []
    for model, threads in dict.fromkeys((r["model"], r["n_threads"]) for r in data["rows"]):
        weights = data["types"][model]
        row = [weights, threads]
        for name, target in zip(NAMES, data["targets"][weights]):
            row += cells(figures, (model, name, threads), target)
        rows.append(row)
    return [f"Tokens per second, dense, on the same GGUF files: medians of the rounds. llama.cpp {version}, built for "
            "this processor. Files whose rows are no whole number of a K-quant's blocks of 256 hold those matrices "
            "in another type, as `llama-quantize` chose it; both engines run the same file. All are made of a file of "
            "4-bit weights, so that F32 and F16 hold floats of any fraction; those of BF16 hold bfloat16, as the "
            "files of a model trained in that do.", "",
            *table(columns, rows),
            "The ratios asked for, on this processor:", "",
            *table(["weights", *(f">{name}" for name in NAMES)],
                   [[weights, *(f"{t:g}" for t in asked)] for weights, asked in data["targets"].items()])]


def cells(figures, test, target):
    peer = figures.get((test, "llama.cpp", "dense"))
    ours = figures.get((test, "Depths", "dense"))
    if not peer or not ours:
        return ["", "", ""]
    ratio = statistics.median(ours) / statistics.median(peer)
    return [f"{statistics.median(peer):.1f}", f"{statistics.median(ours):.1f}",
            checked(f"{ratio:.2f}", ratio >= target)]
