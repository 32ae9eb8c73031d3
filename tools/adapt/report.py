"""The report of an adapter: JSON, and one HTML file with plots that needs nothing else.

    python report.py --log work/log.json --evaluation evaluation.json --pairs pairs.json --out report

writes report.json and report.html.
"""
import argparse
import html
import io
import json
import statistics

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.3em .8em;border-bottom:1px solid #ccc;text-align:right}
th:first-child,td:first-child,.texts td{text-align:left;vertical-align:top}.texts td{white-space:pre-wrap}svg{max-width:100%;height:auto}pre{white-space:pre-wrap}"""
NAMES = {"dial": "trained routers", "random": "random routing", "dropped": "whole blocks dropped"}


def svg(draw, width=8, height=4):
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    draw(axes)
    out = io.StringIO()
    figure.savefig(out, format="svg")
    plt.close(figure)
    text = out.getvalue()
    return text[text.index("<svg"):]


def loss_plot(history, length):
    def draw(axes):
        tokens = [entry["step"] * length / 1000 for entry in history]
        axes.plot(tokens, [entry["kl"] for entry in history], color="#bbb", linewidth=0.7, label="of a step")
        smooth = [statistics.fmean(e["kl"] for e in history[max(0, i - 19):i + 1]) for i in range(len(history))]
        axes.plot(tokens, smooth, color="#1f5fa8", label="mean of 20")
        axes.set(xlabel="thousand tokens", ylabel="KL at drawn rates (nats)", ylim=(0, None))
        axes.legend(frameon=False)
    return svg(draw)


def rate_plot(rows):
    def draw(axes):
        for row in rows:
            blocks = [int(b) for b in row["rates"]]
            axes.plot(blocks, list(row["rates"].values()), marker="o", markersize=3,
                      label=f"{100 * row['saved']:.0f} % saved")
        axes.set(xlabel="block", ylabel="share of tokens computed", ylim=(0, 1.02))
        axes.legend(frameon=False, fontsize=8)
    return svg(draw)


def curve_plot(evaluation, quantity, label, start):
    def draw(axes):
        for kind, name in NAMES.items():
            rows = sorted(evaluation.get(kind, []), key=lambda row: row["saved"])
            if rows:
                # Without a block dropped the dense model is itself; an adapter's own model is not quite.
                dense = kind == "dropped"
                axes.plot([0] * dense + [100 * r["saved"] for r in rows], [start] * dense + [r[quantity] for r in rows],
                          marker="o", markersize=3, label=name)
        axes.set(xlabel="weights not read (%)", ylabel=label)
        axes.set_ylim(start, 1.3 * max(r[quantity] for r in evaluation["dial"]) + 0.02)
        axes.legend(frameon=False)
    return svg(draw)


def table(evaluation):
    rows = ["<tr><th>routing<th>blocks run<th>weights not read<th>KL (nats)<th>perplexity<th>threshold</tr>"]
    for kind, name in NAMES.items():
        for row in sorted(evaluation.get(kind, []), key=lambda row: row["saved"]):
            threshold = f"{row['threshold']:.3f}" if "threshold" in row else ""
            rows.append(f"<tr><td>{name}<td>{100 * row['rate']:.1f} %<td>{100 * row['saved']:.1f} %"
                        f"<td>{row['kl']:.3f} ± {row['kl_error']:.3f}<td>×{row['perplexity_ratio']:.3f}<td>{threshold}</tr>")
    return "<table>" + "".join(rows) + "</table>"


def texts(written):
    capacities = list(written[0]["adapter"])
    rows = ["<tr><th>beginning<th>dense" + "".join(f"<th>at a capacity of {c}" for c in capacities) + "</tr>"]
    for entry in written:
        cells = [entry["prompt"], entry["dense"], *(entry["adapter"][c] for c in capacities)]
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}" for cell in cells) + "</tr>")
    return '<h2>Texts, greedy</h2><table class="texts">' + "".join(rows) + "</table>"


def page(log, evaluation, written, note):
    history = log["history"]
    parts = [
        "<h1>Mixture-of-Depths adapter</h1>",
        f"<p>{html.escape(log['model'])}: {history[-1]['step']} steps of {log['tokens_per_step']:,} tokens, "
        f"{sum(e['seconds'] for e in history) / 60:.0f} minutes. Measured on "
        f"{evaluation['tokens']:,} tokens that training did not see.</p>",
        f"<p>{html.escape(note)}</p>" if note else "",
        table(evaluation), texts(written) if written else "",
        "<h2>Divergence against speed</h2>", curve_plot(evaluation, "kl", "KL to the dense model (nats)", 0),
        "<h2>Perplexity against speed</h2>", curve_plot(evaluation, "perplexity_ratio", "perplexity / dense", 1),
        "<h2>Rate of each block</h2>", rate_plot(evaluation["dial"]),
        "<h2>Training</h2>", loss_plot(history, log["tokens_per_step"]) if history else "",
        "<h2>Settings</h2>", f"<pre>{html.escape(json.dumps(log['settings'], indent=1))}</pre>"]
    return f"<!doctype html><meta charset=utf-8><title>Mixture-of-Depths adapter</title><style>{STYLE}</style>" + "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", required=True, help="log.json of the work directory of train.py")
    parser.add_argument("--evaluation", required=True, help="JSON of evaluate.py")
    parser.add_argument("--pairs", help="JSON of pairs.py")
    parser.add_argument("--note", help="a sentence on what was measured")
    parser.add_argument("--out", required=True, help="without suffix")
    args = parser.parse_args()
    with open(args.log) as file:
        log = json.load(file)
    with open(args.evaluation) as file:
        evaluation = json.load(file)
    written = None
    if args.pairs:
        with open(args.pairs) as file:
            written = json.load(file)
    with open(args.out + ".json", "w") as file:
        json.dump({**log, "evaluation": evaluation, "note": args.note, "texts": written}, file)
    with open(args.out + ".html", "w") as file:
        file.write(page(log, evaluation, written, args.note))


if __name__ == "__main__":
    main()
