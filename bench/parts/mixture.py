"""Mixture of Depths against dense, by capacity and by the length of the context."""

import jmh
import machine
import targets
from tables import checked, percent, table

TITLE = "Mixture of Depths against dense"
SVG = "capacity.svg"
CAPACITIES = "0.0625,0.125,0.25,0.5,0.75,1"
PLOTTED = {"decode": "decode", "prefill512": "prefill of 512 tokens"}


def measure(context):
    threads = ["-p", "threads=" + ",".join(map(str, context.threads))]
    return {"records": jmh.measure(context, "mixture", [
        ("capacity", ["PrefillBenchmark.prefill512|DecodeBenchmark", "-p", f"routing=dense,{CAPACITIES}", "-p",
                      "depth=0", *threads]),
        ("length", ["PrefillBenchmark|DecodeBenchmark", "-p", f"routing=dense,{targets.MOD_CAPACITY}", "-p",
                    "depth=128,512,2048", *threads])])}


def compared(records):
    """Each routed result beside the dense one of the same test: speed, and what the work predicts."""
    merged = jmh.merge(records)
    dense = {test(r): r for r in merged if r["params"]["routing"] == "dense"}
    for r in merged:
        base = dense.get(test(r))
        if base is None:
            continue
        speed, ideal = r["score"] / base["score"], work(base) / work(r)
        yield {"run": r["run"], "test": r["benchmark"].split(".")[1], "depth": r["params"].get("depth"),
               "threads": r["threads"], "capacity": r["params"]["routing"], "score": r["score"], "speed": speed,
               "ideal": ideal, "reached": speed / ideal}


def test(r):
    return r["run"], r["benchmark"], r["params"].get("depth"), r["threads"]


def work(r):
    """Bytes of weights, or floating-point operations, per token."""
    return next(r["rates"][name] for name in ("gigaBytes", "gigaFlops") if name in r["rates"]) / r["score"]


def markdown(data):
    rows = list(compared(data["records"]))
    lines = ["SmolLM2-135M's shape with random weights (Q4_1), dense, and with every other block computing a random "
             "share of the tokens. Predicted is what the work alone says: bytes of weights read for a decode, "
             "floating-point operations for a prefill. The plot is of as many threads as were measured at most.", "",
             f"![Speed against capacity]({SVG})", ""]
    for run, title in ("capacity", "By capacity, decode from an empty context and prefill of 512 tokens:"), \
            ("length", "By the length of the prompt, or of the context before the decode:"):
        lines += [title, "", *table(
            ["test", ">threads", ">capacity", ">tokens/s", ">against dense", ">predicted", ">reached", ">target"],
            [row(r) for r in rows if r["run"] == run])]
    return lines


def row(r):
    name = f"{r['test']} after {r['depth']}" if r["depth"] not in (None, "0") else r["test"]
    dense = r["capacity"] == "dense"
    target = targets.MOD_DECODE if r["test"] == "decode" else targets.MOD_PREFILL
    wanted = r["capacity"] == targets.MOD_CAPACITY
    reached = "" if dense else percent(r["reached"])
    return [name, r["threads"], "dense" if dense else f"{100 * float(r['capacity']):g} %", f"{r['score']:.1f}",
            f"{r['speed']:.2f}", f"{r['ideal']:.2f}",
            checked(reached, r["reached"] >= target) if wanted else reached, percent(target) if wanted else ""]


def draw(data, context, directory):
    """The plot, with as many threads as were measured at most."""
    rows = [r for r in compared(data["records"]) if r["run"] == "capacity" and r["capacity"] != "dense"]
    most = max(r["threads"] for r in rows)
    points = context.folder / "capacity.csv"
    points.write_text("test,capacity,measured,ideal\n" + "".join(
        f"{PLOTTED[r['test']]},{r['capacity']},{r['speed']},{r['ideal']}\n"
        for r in sorted(rows, key=lambda r: (r["test"], float(r["capacity"]))) if r["threads"] == most),
        encoding="utf-8")
    machine.output([context.java, "-cp", context.jar(), "dev.depths.bench.CapacityChart", points, directory / SVG])
