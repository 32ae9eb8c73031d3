"""The routed block by the height of its tile."""

import jmh
from tables import percent, table

TITLE = "The routed block by tile height"


def measure(context):
    threads = ",".join(map(str, context.threads))
    return {"records": jmh.measure(context, "block", [
        ("block", ["RoutedBlockBenchmark|ProbeBenchmark.fma", "-p", f"threads={threads}"])])}


def markdown(data):
    merged = jmh.merge(data["records"])
    blocks = {(int(r["params"]["height"]), r["threads"]): r for r in merged if "height" in r["params"]}
    thread_counts = sorted({threads for _, threads in blocks})
    rows = []
    for height in sorted({height for height, _ in blocks}):
        row = [height]
        for threads in thread_counts:
            r, peak = blocks[height, threads], jmh.peak(merged, "gigaFlops", threads)
            rate = r["rates"]["gigaFlops"]
            row += [f"{r['score']:.0f}", f"{rate:.1f}", percent(rate / peak if peak else None)]
        rows.append(row)
    columns = [">rows"] + [c for t in thread_counts for c in (f">rows/s, {t} thread{'s' * (t > 1)}", ">GFLOP/s",
                                                             ">of the limit")]
    return ["Router, gather, the block on a tile of so many rows, scatter (Q4_1, SmolLM2-135M's shape); the limit is "
            "that of multiply-adds in registers.", "", *table(columns, rows)]
