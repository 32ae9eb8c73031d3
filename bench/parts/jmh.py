"""Runs JMH benchmarks in rounds and reads what they say."""

import json
import statistics

import machine
from context import progress

PACKAGE = "dev.depths.bench."


def measure(context, name, runs, profile=None):
    """Each run is a tuple: a name, and JMH's pattern and options. All runs of a round, then the next round."""
    jar = context.jar(profile)
    results = context.folder / "jmh"
    results.mkdir(parents=True, exist_ok=True)
    records = []
    for round_number in range(1, context.rounds + 1):
        for run, options in runs:
            file = results / f"{name}-{run}-{round_number}.json"
            file.unlink(missing_ok=True)
            progress(f"round {round_number} of {context.rounds}: JMH, {name}, {run}")
            machine.output([context.java, "-jar", jar, *options, *context.jmh_options, "-foe", "true", "-rf", "json",
                            "-rff", file])
            for record in read(file):
                records.append({"run": run, "round": round_number, **record})
    return records


def read(file):
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise machine.MeasureError(f"{file}: no results of JMH: {e}") from e
    return [record(r) for r in results]


def record(result):
    """One result: its benchmark's class and method, parameters, medians of its iterations, percentiles."""
    params = result.get("params", {})
    primary = result["primaryMetric"]
    rates = {name: metric_median(metric) for name, metric in result.get("secondaryMetrics", {}).items()}
    return {
        "benchmark": result["benchmark"].removeprefix(PACKAGE),
        "params": params,
        "threads": int(params.get("threads", result["threads"])),
        "score": metric_median(primary),
        "unit": primary["scoreUnit"],
        "percentiles": primary.get("scorePercentiles", {}),
        "rates": rates,
    }


def metric_median(metric):
    """The median of the iterations; where JMH keeps a histogram, its own."""
    samples = [x for fork in metric.get("rawData", []) for x in fork]
    return statistics.median(samples) if samples else metric.get("scorePercentiles", {}).get("50.0", metric["score"])


def merge(records):
    """Records of the same test, of all rounds, as one with medians; in the order of the first round."""
    groups = {}
    for r in records:
        groups.setdefault((r["run"], r["benchmark"], tuple(sorted(r["params"].items())), r["threads"]), []).append(r)
    return [{
        **same[0],
        "score": statistics.median(r["score"] for r in same),
        "percentiles": medians(r["percentiles"] for r in same),
        "rates": medians(r["rates"] for r in same),
    } for same in groups.values()]


def medians(dictionaries):
    dictionaries = list(dictionaries)
    return {key: statistics.median(d[key] for d in dictionaries if key in d) for key in dictionaries[0]}


def peak(merged, rate, threads, run=None):
    """What the probe reached in that run, or None."""
    found = [r["rates"][rate] for r in merged
             if r["benchmark"].startswith("ProbeBenchmark.") and r["threads"] == threads and rate in r["rates"]
             and run in (None, r["run"])]
    return max(found, default=None)
