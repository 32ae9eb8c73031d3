"""Collects what was trained and measured: results.json, isoflop.svg, and the tables of README.md, between its two marks.

    python -m scratch.report work/runs work/models
"""
import argparse
import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean, median

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from scratch.heldout import is_routed, own_loss

HERE = Path(__file__).parent
COLOURS = {"dense": "#64748b", "mod": "#d97706"}


def collected(runs, models):
    """All finished runs with what was measured of them, without their curves."""
    out = []
    for path in sorted(runs.glob("*/run.json")):
        run = json.loads(path.read_text())
        del run["curve"]
        measured = models / f"{run['name']}.json"
        if measured.exists():
            run |= {key: value for key, value in json.loads(measured.read_text()).items() if key != "name"}
        out.append(run)
    return out


def kind(run):
    return "mod" if is_routed(run) else "dense"


def size(run):
    """Width × blocks."""
    return "{width} × {blocks}".format(**run["settings"]["shape"])


def groups(runs):
    """(budget, kind, size) -> runs that differ in the seed alone, in ascending order of what a token costs."""
    found = defaultdict(list)
    for run in runs:
        found[run["settings"]["flops"], kind(run), size(run)].append(run)
    return dict(sorted(found.items(), key=lambda item: (*item[0][:2], item[1][0]["forward_flops_per_token"])))


def spread(values, digits=3):
    values = list(values)
    text = f"{mean(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ± {(max(values) - min(values)) / 2:.{digits}f}"


def power(value):
    mantissa, exponent = f"{value:.0e}".split("e")
    factor = "" if mantissa == "1" else f"{mantissa}·"
    return f"{factor}10{str(int(exponent)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def losses(runs):
    rows = []
    for (budget, which, scale), same in groups(runs).items():
        run, routed = same[0], which == "mod"
        all_run = [r["held_out"]["dense"] for r in same if "dense" in r["held_out"]]
        rows.append([power(budget), "MoD" if routed else "dense", scale, f"{run['parameters'] / 1e6:.2f}",
                     f"{run['forward_flops_per_token'] / 1e6:.2f}", f"{run['tokens'] / 1e6:.2f}", len(same),
                     spread(own_loss(r) for r in same),
                     spread(r["held_out"]["predictor"] for r in same) if routed else "",
                     f"{mean(r['held_out']['predictor'] - own_loss(r) for r in same):+.3f}" if routed else "",
                     spread(all_run) if routed and all_run else ""])
    return table(["training FLOPs", "kind", "width × blocks", "M parameters", "MFLOP a token, forward", "M tokens", "seeds",
                  "loss", "with the predictor", "what it costs", "all tokens run"], rows)


def optimum(points):
    """Of (x, loss) in ascending order of x, the lowest point of the parabola in log x through the lowest loss and its
    neighbours; None if the lowest has none on one side."""
    lowest = min(range(len(points)), key=lambda i: points[i][1])
    if not 0 < lowest < len(points) - 1:
        return None
    x, y = np.array(points[lowest - 1:lowest + 2]).T
    a, b, c = np.polyfit(np.log(x), y, 2)
    return float(np.exp(-b / (2 * a))), float(c - b * b / (4 * a))


def comparison(runs):
    """Of each budget the best size of each kind, with the seeds that this size was trained with."""
    rows, found = [], groups(runs)
    for budget in sorted({run["settings"]["flops"] for run in runs}):
        best = {}
        for which in ("dense", "mod"):
            sizes = [same for (b, k, _), same in found.items() if (b, k) == (budget, which)]
            if sizes:
                best[which] = min(sizes, key=lambda same: mean(map(own_loss, same))), [
                    optimum([(same[0][key], mean(map(own_loss, same))) for same in sizes])
                    for key in ("parameters", "forward_flops_per_token")]
        for which, (same, (by_parameters, by_flops)) in best.items():
            run = same[0]
            rows.append([power(budget), "MoD" if which == "mod" else "dense", size(run), spread(map(own_loss, same)),
                         f"{run['forward_flops_per_token'] / 1e6:.2f}",
                         f"{by_parameters[1]:.3f}" if by_parameters else "not bracketed",
                         f"{by_parameters[0] / 1e6:.1f}" if by_parameters else "",
                         f"{by_flops[0] / 1e6:.1f}" if by_flops else ""])
    return table(["training FLOPs", "kind", "best size", "its loss", "its MFLOP a token", "loss at the optimum",
                  "M parameters there", "MFLOP a token there"], rows)


def speeds(runs, rates):
    """Of one model of each kind and size: medians of the turns, with the range."""
    rows = []
    for run in sorted(runs, key=lambda run: (kind(run), run["parameters"])):
        if run["name"] not in rates or "depths" not in run:
            continue
        d = run["depths"]
        pp, tg = (next(values for test, values in rates[run["name"]].items() if test.startswith(what)) for what in ("pp", "tg"))
        rows.append(["MoD" if kind(run) == "mod" else "dense", size(run), ranged(pp), ranged(tg),
                     f"{d['bench']['tg128']['weight_gb_per_s'] * 1e6 / d['bench']['tg128']['avg_ts']:.0f}",
                     f"{100 * d['bench']['tg128']['blocks_run']:.0f} %", f"{sum(d['kv_bytes_by_block']) / 1024:.0f}"])
    return table(["kind", "width × blocks", "pp256, tokens/s", "tg128, tokens/s", "kB of weights a token, tg", "blocks run", "KV, KiB"], rows)


def ranged(values):
    return f"{median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


def parity(runs):
    rows = []
    for run in runs:
        if "depths" in run:
            perplexities = {rule: value["perplexity"] for rule, value in run["depths"]["perplexity"].items()}
            rows.append([run["name"], f"{max(p['nmse'] for p in run['parity'].values()):.0e}",
                         "yes" if all(p["same_decisions"] for p in run["parity"].values()) else "NO",
                         *(f"{perplexities[rule]:.1f}" if rule in perplexities else "" for rule in ("topk", "predictor", "dense"))])
    return table(["run", "NMSE to PyTorch", "same decisions", "perplexity: top-k", "predictor", "all tokens run"], rows)


def predictors(runs):
    rows = []
    for (budget, which, scale), same in groups(runs).items():
        same = [r["predictor"] for r in same if "predictor" in r]
        if same:
            rows.append([power(budget), scale] + [f"{100 * mean(r[key] for r in same):.1f} %" for key in
                                                  ("accuracy", "precision", "recall", "share_topk", "share_predicted")])
    return table(["training FLOPs", "width × blocks", "agrees with top-k", "precision", "recall", "chosen by top-k",
                  "by the predictor"], rows)


def plot(runs, path):
    matplotlib.rcParams.update({"svg.hashsalt": "depths", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9})
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), sharey=True)
    budgets = sorted({run["settings"]["flops"] for run in runs})
    for axis, key, label in ((axes[0], "parameters", "parameters"), (axes[1], "forward_flops_per_token", "FLOPs a token, forward")):
        for budget in budgets:
            for which in ("dense", "mod"):
                same = sorted((g[0][key], [own_loss(r) for r in g]) for (b, k, _), g in groups(runs).items() if b == budget and k == which)
                name = "MoD 12.5 %" if which == "mod" else "dense"
                axis.plot([x for x, _ in same], [mean(y) for _, y in same], color=COLOURS[which],
                          label=name if budget == budgets[0] else None)
                for x, values in same:
                    axis.plot([x] * len(values), values, "o", color=COLOURS[which], markersize=3)
                if which == "mod" and same:
                    axis.annotate(power(budget), (same[-1][0], mean(same[-1][1])), xytext=(5, -3), textcoords="offset points")
        axis.set_xscale("log")
        axis.margins(x=0.2)
        axis.set_xlabel(label)
        axis.grid(True, which="both", color="#e5e7eb", linewidth=0.5)
    axes[0].set_ylabel("held-out loss, nats a token")
    axes[0].legend(frameon=False, title="training FLOPs at the curves' ends")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("models", type=Path)
    args = parser.parse_args()
    runs = collected(args.runs, args.models)
    (HERE / "results.json").write_text("[\n" + ",\n".join(json.dumps(run) for run in runs) + "\n]\n")
    plot(runs, HERE / "isoflop.svg")
    rates = json.loads((args.models / "rates.json").read_text())
    tables = {"losses": losses(runs), "comparison": comparison(runs), "predictors": predictors(runs),
              "speeds": speeds(runs, rates), "parity": parity(runs)}
    readme = (HERE / "README.md").read_text()
    for name, text in tables.items():
        readme = re.sub(rf"(<!-- {name} -->\n).*?(<!-- end -->)", lambda m: m[1] + text + "\n" + m[2], readme, flags=re.S)
    (HERE / "README.md").write_text(readme)


if __name__ == "__main__":
    main()
