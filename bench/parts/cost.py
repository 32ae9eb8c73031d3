"""What a generation costs beside time: garbage, collections, memory."""

import datetime
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import jmh
import machine
import targets
from context import PROMPT, progress
from tables import checked, table

TITLE = "Cost"
TOKENS = 2000
# A line of -Xlog:gc with the time of day: [2026-01-31T12:34:56.789+0000] GC(0) Pause Young ...
PAUSE = re.compile(r"^\[(\d{4}-\d\d-\d\dT[\d:.]+[+-]\d{4})\].*GC\(\d+\) Pause", re.MULTILINE)


def measure(context):
    generations = []
    for run in range(context.rounds):
        for heap in "64m", None:
            progress(f"generation {run + 1} of {context.rounds}, heap {heap or 'by default'}")
            generations.append({"heap": heap, **generation(context, heap)})
    threads = ",".join(map(str, context.threads))
    return {"generations": generations, "garbage": jmh.measure(context, "cost", [
        ("tokens", ["DecodeBenchmark", "-p", "depth=0", "-p", "routing=dense,0.125", "-p", f"threads={threads}"])])}


def generation(context, heap):
    """A generation of many tokens: collections before and within its text, and the most memory that was resident."""
    command = [str(context.depths), "generate", "--ignore-eos", "--temp", "0", "-n", str(TOKENS), PROMPT]
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "gc.log"
        options = [os.environ.get("DEPTHS_JAVA_OPTS", ""), f"-Xlog:gc:file={log}:time", f"-Xmx{heap}" if heap else ""]
        environment = {**os.environ, "DEPTHS_JAVA_OPTS": " ".join(options).strip()}
        begin = None
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env=environment, bufsize=0) as process:
            while process.stdout.read(4096):
                end = time.time()
                begin = begin or end
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0 or begin is None:
            raise machine.MeasureError(f"{command[0]} failed with exit status {process.returncode}")
        pauses = [seconds(p) for p in PAUSE.findall(log.read_text(encoding="utf-8"))]
        # Once more for what a report says alone: making one leaves garbage too.
        report = subprocess.run([*command, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, env=environment, check=True).stdout
    said = json.loads(report)
    return {"tokens": len(said["tokens"]), "resident": resident(usage), **said["memory"],
            "pauses_before": sum(p < begin for p in pauses), "pauses_within": sum(begin <= p <= end for p in pauses)}


def seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


def resident(usage):
    """Bytes of the most memory resident at once (VmHWM); the system counts in KiB, macOS in bytes."""
    return usage.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024)


def markdown(data):
    rows = []
    for heap in dict.fromkeys(g["heap"] for g in data["generations"]):
        same = [g for g in data["generations"] if g["heap"] == heap]
        most, weights, kv = (statistics.median(g[key] for g in same)
                             for key in ("resident", "weight_bytes", "kv_bytes"))
        extra = most - weights - kv
        within = max(g["pauses_within"] for g in same)
        rows.append([heap or "default", statistics.median(g["tokens"] for g in same),
                     statistics.median(g["pauses_before"] for g in same),
                     checked(within, heap is None or within <= targets.COLLECTIONS),
                     megabytes(most), megabytes(weights), megabytes(kv),
                     checked(megabytes(extra), extra <= targets.RESIDENT_EXTRA_BYTES)])
    garbage = [[r["params"]["routing"], r["threads"], allocated(r)] for r in jmh.merge(data["garbage"])]
    return [f"A generation of {TOKENS} tokens with the default model, loaded from its cache. Targets: "
            f"{targets.COLLECTIONS} collections in it with a heap of 64 MB, and at most "
            f"{megabytes(targets.RESIDENT_EXTRA_BYTES)} MB of memory beyond packed weights and KV cache.", "",
            *table(["heap", ">tokens", ">collections before it", ">in it", ">most resident, MB", ">packed weights, MB",
                    ">KV cache, MB", ">beyond them, MB"], rows),
            "Bytes on the heap that the calling thread and the workers allocate while tokens are decoded, after JMH's "
            "warm-up:", "",
            *table(["routing", ">threads", f">bytes/token (at most {targets.BYTES_PER_TOKEN})"], garbage)]


def allocated(r):
    """Per token, as both rates are per second."""
    per_token = r["rates"]["allocatedBytes"] / r["score"]
    return checked(f"{per_token:.1f}", round(per_token, 1) <= targets.BYTES_PER_TOKEN)


def megabytes(count):
    return f"{count / 1e6:.0f}"
