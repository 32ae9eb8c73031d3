"""What the machine can do at most, and which share of it whole passes reach."""

import jmh
from tables import percent, table

TITLE = "The machine's limits"
WHAT = {"gigaBytes": ("reading memory", "GB/s"), "gigaFlops": ("multiply-adds in registers", "GFLOP/s")}


def measure(context):
    threads = ",".join(map(str, context.threads))
    return {"records": jmh.measure(context, "limits", [
        ("probes", ["ProbeBenchmark"]),
        ("passes", ["PrefillBenchmark.prefill512|DecodeBenchmark", "-p", "routing=dense", "-p", "depth=0", "-p",
                    "weights=F32,F16,BF16,Q8_0,Q4_0,Q4_1", "-p", f"threads={threads}"])])}


def markdown(data):
    merged = jmh.merge(data["records"])
    probes, passes = [], []
    for r in merged:
        rate = next((name, r["rates"][name]) for name in WHAT if name in r["rates"])
        what, unit = WHAT[rate[0]]
        if r["run"] == "probes":
            probes.append([what, r["threads"], f"{rate[1]:.1f} {unit}"])
        else:
            peak = jmh.peak(merged, rate[0], r["threads"])
            passes.append([r["benchmark"].split(".")[1], r["params"]["weights"], r["threads"], f"{r['score']:.1f}",
                           f"{rate[1]:.1f} {unit}", percent(rate[1] / peak if peak else None)])
    return ["Probes, on vectors of the preferred width:", "", *table(["probe", ">threads", ">rate"], probes),
            "Whole dense passes of SmolLM2-135M's shape (random weights; the tied output matrix is Q8_0). A decode "
            "counts the bytes of weights that it reads, a prefill of 512 tokens its floating-point operations:", "",
            *table(["pass", "weights", ">threads", ">tokens/s", ">rate", ">of the limit"], passes)]
