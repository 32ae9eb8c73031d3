"""Depths beside other engines for the JVM, from Maven Central."""

import jmh
from tables import table

TITLE = "Against other engines for the JVM"
ENGINES = {"depths": "Depths", "jlama": "Jlama (Vector API alone)", "java-llama.cpp": "java-llama.cpp"}
TESTS = ["pp512", "tg128"]


def measure(context):
    model = context.models[0] if context.models else context.default_model
    threads = ",".join(map(str, context.threads))
    options = ["PeersBenchmark", "-p", f"model={model}", "-p", f"threads={threads}"]
    return {"model": model.name, "records": jmh.measure(context, "jvm", [("engines", options)], "peers")}


def markdown(data):
    merged = jmh.merge(data["records"])
    scores = {(r["params"]["engine"], r["benchmark"].split(".")[1], r["threads"]): r["score"] for r in merged}
    rows = []
    for threads in dict.fromkeys(r["threads"] for r in merged):
        for engine, name in ENGINES.items():
            row = [name, threads]
            for test in TESTS:
                score, ours = scores.get((engine, test, threads)), scores.get(("depths", test, threads))
                row += [f"{score:.1f}", f"{ours / score:.2f}" if ours else ""] if score else ["", ""]
            rows.append(row)
    columns = ["engine", ">threads"] + [c for t in TESTS for c in (f">{t}, tokens/s", ">Depths' multiple")]
    return [f"One harness (JMH), the same prompt, {data['model']}. Jlama runs its own 4-bit type, made from that file; "
            "java-llama.cpp brings llama.cpp built for any processor.", "", *table(columns, rows)]
