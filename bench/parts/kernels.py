"""Kernels alone, by weight type, rows and vector width, beside what the probes reach at that width."""

import jmh
import machine
from tables import percent, table

TITLE = "Kernels"
PATTERN = "ProbeBenchmark.*OneThread|StreamingGemvBenchmark|StreamingUnpackBenchmark|GemmBenchmark"


def measure(context):
    widths = [bits for bits in (512, 256, 128) if bits <= machine.vector_bits()]
    return {"records": jmh.measure(context, "kernels", [
        (str(bits), [PATTERN, "-p", "implementation=vector", "-jvmArgsAppend", f"-Ddepths.vectorBits={bits}"])
        for bits in widths])}


def markdown(data):
    merged = jmh.merge(data["records"])
    widths = list(dict.fromkeys(r["run"] for r in merged))
    lines = ["One thread. The limits are probes on the same vectors: reading memory, and multiply-adds in registers.",
             ""]
    lines += table(["width", ">reading, GB/s", ">multiply-adds, GFLOP/s"], [
        [bits, number(jmh.peak(merged, "gigaBytes", 1, bits)), number(jmh.peak(merged, "gigaFlops", 1, bits))]
        for bits in widths])
    return lines + streaming(merged, widths) + gemm(merged, widths)


def streaming(merged, widths):
    """Products and unpacking of weights that come from memory."""
    rates = {(r["run"], r["benchmark"].split("Benchmark")[0], r["params"]["weights"]): r["rates"]
             for r in merged if r["benchmark"].startswith("Streaming")}
    rows = []
    for weights in dict.fromkeys(w for _, _, w in rates):
        for bits in widths:
            row = [weights, bits]
            for kernel in "StreamingGemv", "StreamingUnpack":
                found = rates.get((bits, kernel, weights))
                peak = jmh.peak(merged, "gigaBytes", 1, bits)
                if found:
                    row += [number(found["gigaBytes"]), percent(found["gigaBytes"] / peak if peak else None),
                            number(found["gigaFlops" if kernel == "StreamingGemv" else "gigaWeights"])]
                else:
                    row += ["", "", ""]
            rows.append(row)
    return ["A matrix of 256 MiB by one row (a decode's product), and its unpacking to f32 (a prefill's first step):",
            "",
            *table(["weights", ">width", ">product, GB/s", ">of the limit", ">GFLOP/s",
                    ">unpacking, GB/s", ">of the limit", ">Gweights/s"], rows)]


def gemm(merged, widths):
    """The f32 product by the rows of its tile."""
    found = {(r["run"], int(r["params"]["rows"])): r["rates"]["gigaFlops"]
             for r in merged if r["benchmark"].startswith("GemmBenchmark")}
    rows = []
    for height in sorted({height for _, height in found}):
        row = [height]
        for bits in widths:
            rate, peak = found.get((bits, height)), jmh.peak(merged, "gigaFlops", 1, bits)
            row += [number(rate), percent(rate / peak if rate and peak else None)]
        rows.append(row)
    columns = [">rows"] + [c for bits in widths for c in (f">{bits} bits, GFLOP/s", ">of the limit")]
    return ["An unpacked panel of 32 x 576 by a tile of so many rows (a prefill's product):", "", *table(columns, rows)]


def number(rate):
    return "" if rate is None else f"{rate:.1f}"
