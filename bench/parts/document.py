"""RESULTS.md, from the parts' figures."""

import datetime
import json
import os

import machine

NAME = "RESULTS.md"
INTRODUCTION = """# Results

Written by `bench/results` from its own runs. A figure in bold misses its target. Rates are medians: of the iterations
in a round, then of the rounds, which take turns. Measure again, all or in parts, with

```
bench/results                      # everything, a few hours
bench/results --only latency,cost  # some parts
bench/results --only peers --rounds 1 --append   # further rounds, beside those measured before
bench/results --write              # this document once more, from the figures kept in bench/target/results
```
"""


def facts(context, busy, command):
    """What goes with a run's figures."""
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
        "load": busy,
        "cpu": machine.cpu(), "cores": os.cpu_count(), "flags": machine.flags(), "vector_bits": machine.vector_bits(),
        "depths": machine.output([context.depths, "--version"]).strip().splitlines()[-1],
        "rounds": context.rounds, "command": command,
    }


def save(context, name, run, data, append):
    """Keeps a part's figures, in place of those before or beside them."""
    before = load(context, name) if append else None
    record = {"runs": [run], "data": data}
    if before:
        record = {"runs": before["runs"] + [run], "data": {key: joined(before["data"][key], data[key]) for key in data}}
    context.folder.mkdir(parents=True, exist_ok=True)
    part = context.folder / f"{name}.part"
    part.write_text(json.dumps(record, indent=1), encoding="utf-8")
    part.replace(context.folder / f"{name}.json")


def joined(before, now):
    if isinstance(now, list):
        return before + now
    return {**before, **now} if isinstance(now, dict) else now


def load(context, name):
    """What was measured last of a part, or None."""
    try:
        return json.loads((context.folder / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as e:
        raise machine.MeasureError(f"{context.folder / name}.json: {e}") from e


def write(context, parts, directory):
    """Writes the document, and beside it what parts draw."""
    directory.mkdir(parents=True, exist_ok=True)
    records = {name: load(context, name) for name in parts}
    lines = [INTRODUCTION]
    latest = max((run for r in records.values() if r for run in r["runs"]), key=lambda run: run["date"], default=None)
    if latest:
        lines += [f"{host(latest)}.", ""]
    for name, part in parts.items():
        record = records[name]
        lines += [f"## {part.TITLE}", ""]
        if record is None:
            lines += [f"Not measured yet: `bench/results --only {name}`.", ""]
            continue
        lines += [*part.markdown(record["data"]), *(footnote(run, latest) for run in record["runs"]), ""]
        if hasattr(part, "draw"):
            part.draw(record["data"], context, directory)
    (directory / NAME).write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def host(run):
    return (f"{run['cpu']}, {run['cores']} cores, vectors of {run['vector_bits']} bits "
            f"({' '.join(run['flags']) or 'flags unknown'}); {java(run)}")


def java(run):
    return run["depths"].rpartition(", ")[2]


def commit(run):
    return run["depths"].rpartition(", ")[0]


def footnote(run, latest):
    other = f" On {host(run)}." if host(run) != host(latest) else ""
    return (f"- {run['date']}, load {run['load']:.1f} before, rounds: {run['rounds']}; {commit(run)}: "
            f"`{run['command']}`.{other}")
