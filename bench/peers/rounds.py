"""llama-bench and `depths bench` in turns, on the same files, threads and tests."""

import json
import statistics
import sys
from pathlib import Path

import llama_cpp
import machine


def measure(bench, depths, models, threads, tests, rounds, repetitions, routing=("dense",)):
    """All rounds: one dictionary for each engine, test and round, with the median of its repetitions.

    Tests are dictionaries of lists: "-p", "-n" and "-d", as both programs take them. A test that fails is left out, unless it
    is the first of its engine: the others may have taken hours.
    """
    rows = []
    depths_version = machine.output([depths, "--version"]).strip().splitlines()[-1]
    engines = {"llama.cpp": [bench], "Depths": [depths, "bench", "--routing", ",".join(routing)]}
    for round_number in range(1, rounds + 1):
        for model in models:
            for thread_count in threads:
                for test in tests:
                    for engine, command in engines.items():
                        llama_cpp.progress(f"round {round_number} of {rounds}: {Path(model).name}, -t {thread_count}, "
                                           f"{describe(test)}, {engine}")
                        try:
                            results = run(command, model, thread_count, test, repetitions)
                        except machine.MeasureError as e:
                            if all(r["engine"] != engine for r in rows):
                                raise
                            print(f"bench: left out: {e}", file=sys.stderr)
                            continue
                        for result in results:
                            version = f"build {result['build_commit']}" if engine == "llama.cpp" else depths_version
                            rows.append({
                                "engine": engine, "version": version, "model": str(model),
                                "routing": result.get("routing", "dense"),
                                **{k: int(result[k]) for k in ("n_prompt", "n_gen", "n_depth", "n_threads")},
                                "round": round_number, "ts": statistics.median(result["samples_ts"])})
    return rows


def run(command, model, threads, test, repetitions):
    arguments = [*command, "-m", model, "-t", threads, "-r", repetitions, "-o", "json"]
    for option, values in test.items():
        arguments += [option, ",".join(map(str, values))]
    text = machine.output(arguments)
    try:
        return json.loads(text)
    except ValueError as e:
        raise machine.MeasureError(f"{command[0]} printed no JSON: {e}") from e


def describe(test):
    return " ".join(f"{option} {','.join(map(str, values))}" for option, values in test.items())


def test_name(row):
    name = f"pp{row['n_prompt']}" if row["n_prompt"] else f"tg{row['n_gen']}"
    return f"{name} @ d{row['n_depth']}" if row["n_depth"] else name


def series(rows):
    """The rounds' figures by (model, test, threads), engine and routing."""
    figures = {}
    for r in rows:
        key = (r["model"], test_name(r), r["n_threads"]), r["engine"], r["routing"]
        figures.setdefault(key, []).append(r["ts"])
    return figures


def spread(values):
    """Median, and lowest to highest round."""
    return f"{statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})"
