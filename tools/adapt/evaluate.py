"""What an adapter costs and saves on text that training did not see, beside the controls.

    python evaluate.py model.gguf --adapter adapter.safetensors --text eval.npy --out report.json

Of each point of the dial: the share of routed blocks that ran, the share of weights that decoding does not read, the mean KL
divergence to the dense model in nats and the ratio of perplexities.
"""
import argparse
import json

import numpy as np
import torch
import torch.nn.functional as F

import export
from loading import load
from model import Mod, Model
from routing import Dial, Dropped, Random


def weights_read(model, rates):
    """Weights that a decoded token reads, on average, at the given rates of the routed blocks; embedding rows not counted."""
    config, total = model.config, 0.0
    for number, block in enumerate(model.blk):
        sizes = {name: getattr(block, name).weight.numel() for name in
                 ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")}
        every = sum(sizes.values())
        if number not in rates:
            total += every
            continue
        skipped = (sizes["attn_k"] + sizes["attn_v"]) * model.mod.projected + 2 * config.width * model.mod.bypass
        total += rates[number] * every + (1 - rates[number]) * skipped
    return total + model.head().numel()


class Evaluation:
    """Windows [n, time] of tokens, and what the dense model says of them."""

    def __init__(self, dense, windows):
        self.windows, self.model = windows, dense
        self.dense_weights = weights_read(dense, {})
        with torch.no_grad():
            self.hidden = [dense.hidden(w[None])[0] for w in windows]

    @torch.no_grad()
    def measure(self, model, rule, initial=2):
        """`rule` is made anew for each window, so that rates can be counted: a function without arguments."""
        divergences, surprises, dense_surprises, rates = [], [], [], {b: [] for b in model.mod.blocks}
        for tokens, hidden in zip(self.windows, self.hidden):
            counted = Counted(rule())
            student = torch.log_softmax(F.linear(model.hidden(tokens[None], counted)[0], model.head()), -1)
            teacher = torch.log_softmax(F.linear(hidden, model.head()), -1)
            divergences.append((teacher.exp() * (teacher - student)).sum(-1)[initial:])
            for found, own in ((surprises, student), (dense_surprises, teacher)):
                found.append(-own[:-1].gather(1, tokens[1:, None])[initial:, 0])
            for number, rate in counted.rates.items():
                rates[number].append(rate)
        kl = torch.cat(divergences)
        rates = {b: float(np.mean(r)) for b, r in rates.items()}
        surprise, dense = torch.cat(surprises).mean(), torch.cat(dense_surprises).mean()
        return {
            "rate": float(np.mean(list(rates.values()))), "saved": 1 - weights_read(model, rates) / self.dense_weights,
            "kl": kl.mean().item(), "kl_error": (kl.std() / len(kl) ** 0.5).item(),
            "perplexity": surprise.exp().item(), "perplexity_ratio": (surprise - dense).exp().item(),
            "rates": {str(b): round(r, 4) for b, r in rates.items()}}


class Counted:
    """A rule that notes the rate of each block, without the initial tokens."""

    def __init__(self, rule):
        self.rule, self.rates = rule, {}

    def __call__(self, block, prefix, x):
        decision = self.rule(block, prefix, x)
        self.rates[block.number] = decision.chosen[:, 2:].float().mean().item()
        return decision


def scores(model, windows):
    """Router scores of all routed blocks, of windows that run at the adapter's own threshold."""
    dial = Dial(torch.tensor(0.0))
    with torch.no_grad():
        for window in windows:
            model.hidden(window[None], dial)
    return torch.cat([s[:, 2:].flatten() for s in dial.scores])


def dial(evaluation, model, thresholds):
    """Rows of the dial; a threshold is on the score, of which 0 is the adapter's own point."""
    rows = []
    for threshold in thresholds:
        row = evaluation.measure(model, lambda: Dial(torch.tensor(threshold)))
        rows.append({"threshold": torch.sigmoid(torch.tensor(threshold)).item(), **row})
        print(describe("dial", rows[-1]), flush=True)
    return rows


def dropped(evaluation, dense, order, savings):
    """The dense model with whole blocks left out for all tokens but the initial ones, at about the same savings."""
    rows, share = [], (evaluation.dense_weights - dense.head().numel()) / dense.config.blocks / evaluation.dense_weights
    model = Model(dense.config, Mod(tuple(order), projected=False))
    model.load_state_dict(dense.state_dict(), strict=False, assign=True)
    for count in sorted({max(1, round(saved / share)) for saved in savings}):
        row = evaluation.measure(model, lambda: Dropped(order[:count]))
        rows.append({"blocks": order[:count], **row})
        print(describe("dropped", row), flush=True)
    return rows


def describe(kind, row):
    return (f"{kind:8} rate {row['rate']:.3f} saved {100 * row['saved']:5.2f} % KL {row['kl']:.4f} ± {row['kl_error']:.4f} "
            f"perplexity x{row['perplexity_ratio']:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--text", required=True, help=".npy of int32 [windows, length]")
    parser.add_argument("--windows", type=int, default=0, help="at most so many, evenly taken; 0 for all")
    parser.add_argument("--rates", type=float, nargs="*", default=(1.0, 0.85, 0.745, 0.56))
    parser.add_argument("--controls", action="store_true", help="random routing too")
    parser.add_argument("--log", help="log.json of train.py: blocks are dropped too, those of the least effect first")
    parser.add_argument("--out", help="JSON")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    windows = np.load(args.text)
    if args.windows and args.windows < len(windows):
        windows = windows[np.linspace(0, len(windows) - 1, args.windows).astype(int)]
    windows = torch.tensor(windows, dtype=torch.long, device=args.device)
    dense = load(args.model).requires_grad_(False).to(args.device)
    model, descriptor = export.read(args.adapter, dense)
    evaluation = Evaluation(dense, windows)
    found = scores(model, windows[:4])
    thresholds = torch.quantile(found, 1 - torch.tensor(args.rates, device=args.device)).tolist()
    report = {"tokens": windows.numel(), "dial": dial(evaluation, model, thresholds)}
    if args.controls:
        report["random"] = []
        for rate in args.rates:
            report["random"].append(evaluation.measure(model, lambda: Random(rate)))
            print(describe("random", report["random"][-1]), flush=True)
    if args.log:
        with open(args.log) as file:
            effect = json.load(file)["effect"]
        order = sorted(map(int, effect), key=lambda b: effect[str(b)]["dropped"])
        report["dropped"] = dropped(evaluation, dense, order, [row["saved"] for row in report["dial"]])
    if args.out:
        with open(args.out, "w") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()
