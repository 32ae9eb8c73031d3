"""Wall-clock times that a person waits: a cold start, loading, and each token of a generation."""

import json
import os
import re
import statistics
import subprocess
import tempfile
import time

import jmh
import machine
import targets
from context import PROMPT, progress
from tables import checked, table

TITLE = "Latency"
# About what a token reads, and more than caches hold.
READ_MEBIBYTES = 96
TIMES = re.compile(r"^(load|prompt) +([\d.]+) ms", re.MULTILINE)


def measure(context):
    first_token(context)  # Builds, fetches, and warms the page cache.
    starts = []
    for run in range(context.runs):
        progress(f"cold start {run + 1} of {context.runs}")
        starts.append(first_token(context))
    loads = []
    for run in range(context.runs):
        progress(f"loading {run + 1} of {context.runs}")
        loads.append(loading(context))
    threads = ",".join(map(str, context.threads))
    return {"starts": starts, "loads": loads, "tokens": jmh.measure(context, "latency", [
        ("tokens", ["TokenBenchmark", "-p", "routing=dense,0.125", "-p", f"threads={threads}"]),
        ("reading", ["ProbeBenchmark.read", "-p", f"mebibytes={READ_MEBIBYTES}", "-bm", "sample", "-tu", "us"])])}


def first_token(context):
    """Milliseconds from starting the launcher to the first byte of text, and to its end; what it says of itself."""
    command = [str(context.depths), "generate", "-n", "1", "--temp", "0", PROMPT]
    start = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(1)
        first = time.monotonic()
        _, errors = process.communicate()
        end = time.monotonic()
    if process.returncode != 0:
        raise machine.failed(command[0], process.returncode, errors.decode())
    said = {name: float(value) for name, value in TIMES.findall(errors.decode())}
    return {"first": 1000 * (first - start), "total": 1000 * (end - start), **said}


def loading(context):
    """Milliseconds to load the dense default model with an empty cache of packed weights, and once more."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "XDG_CACHE_HOME": directory}
        command = [context.depths, "generate", "--json", "-n", "1", "-m", context.default_model, PROMPT]
        times = [json.loads(machine.output(command, env=environment))["timings"]["load"]["ms"] for _ in range(2)]
    return {"first": times[0], "later": times[1]}


def markdown(data):
    starts = data["starts"]
    rows = [milliseconds(name, [s[key] for s in starts if key in s], target) for name, key, target in (
        ("cold start to the first token", "first", targets.FIRST_TOKEN_MS),
        ("cold start to the end of the process", "total", None),
        ("of it loading", "load", None),
        ("of it the prompt (7 tokens)", "prompt", None))]
    rows += [milliseconds(name, [load[key] for load in data["loads"]], target) for name, key, target in (
        ("load, weights to be packed", "first", targets.FIRST_LOAD_MS),
        ("load, packed weights in the cache", "later", targets.LATER_LOAD_MS))]
    lines = [f"`./depths generate -n 1`, default model, in a fresh JVM, page cache warm ({len(starts)} runs), and "
             "loading the same model without adapter:", "",
             *table(["", ">median, ms", ">least, ms", ">target, at most"], rows)]
    tokens = [[r["params"].get("routing", "reading alone"), r["threads"], *percentiles(r)]
              for r in jmh.merge(data["tokens"])]
    return lines + ["Each token of a decode in the steady state, contexts of 64 to 192 tokens, SmolLM2-135M's shape; and, for "
                    f"what the machine adds, a loop that reads {READ_MEBIBYTES} MiB and does nothing else, each thread for "
                    "itself:", "",
                    *table(["routing", ">threads", ">p50, ms", ">p90, ms", ">p99, ms",
                            f">p99 / p50 (dense at most {targets.P99_OVER_P50:g})"], tokens)]


def milliseconds(name, values, target):
    middle = statistics.median(values)
    return [name, checked(f"{middle:.0f}", target is None or middle <= target), f"{min(values):.0f}", target or ""]


def percentiles(r):
    p50, p90, p99 = (r["percentiles"][p] / 1000 for p in ("50.0", "90.0", "99.0"))
    ratio = checked(f"{p99 / p50:.2f}", r["params"].get("routing") != "dense" or p99 / p50 <= targets.P99_OVER_P50)
    return [f"{p50:.2f}", f"{p90:.2f}", f"{p99:.2f}", ratio]
