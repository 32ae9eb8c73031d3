"""Makes a Mixture-of-Depths adapter of a dense model: from windows of tokens to an adapter, in one command.

    python train.py model.gguf --text train.npy --work work --out adapter.safetensors

First bypasses and routers are fitted to a sample of the dense model's own gradients (importance.py); then low-rank updates
and bypasses are trained to keep the model's predictions while tokens skip at rates drawn anew for each sequence. The state
is kept in the work directory: the same command goes on where it was stopped.
"""
import argparse
import json
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

import export
import importance
from distil import Exact, Sampled
from loading import load
from model import Mod, Model
from routing import Dial, Quantiles


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="GGUF file or Hugging Face directory")
    parser.add_argument("--text", required=True, nargs="+", help=".npy of integers [windows, length], of text.py and sample.py")
    parser.add_argument("--work", type=Path, required=True, help="directory of the state")
    parser.add_argument("--out", help="adapter to write at the end and with every checkpoint")
    parser.add_argument("--windows", type=int, default=0, help="how many of the windows are used; 0 for all")
    parser.add_argument("--init", help="adapter whose bypasses are where training begins")
    parser.add_argument("--sample", type=int, default=64, help="windows of the sample that routers are fitted to")
    parser.add_argument("--dense-first", type=int, default=3, help="blocks at the beginning that all tokens run")
    parser.add_argument("--dense-last", type=int, default=2, help="blocks at the end that all tokens run")
    parser.add_argument("--bypass", type=int, default=64, help="rank of the path of tokens that skip; 0 for none")
    parser.add_argument("--lora", type=int, default=8, help="rank of the updates of the matrices; 0 for none")
    parser.add_argument("--lora-optional", action="store_true",
                        help="the adapter says that it may be run without the updates, where weights have too few bits to merge them")
    parser.add_argument("--rates", type=float, nargs=2, default=(0.5, 1.0), help="range of the share of pairs computed")
    parser.add_argument("--rate", type=float, default=0.75, help="share at the adapter's own threshold")
    parser.add_argument("--initial", type=int, default=2, help="tokens at the beginning that are always computed")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=4, help="windows of a step")
    parser.add_argument("--accumulate", type=int, default=1, help="batches of one step of the optimizer")
    parser.add_argument("--lr", type=float, default=1.5e-3, help="of the low-rank updates")
    parser.add_argument("--lr-bypass", type=float, default=5e-4)
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--decay", type=float, default=0.3, help="share of the steps, at the end, in which the rate falls to 0")
    parser.add_argument("--noise", type=float, default=0.3, help="deviation of what is added to scores while training")
    parser.add_argument("--checkpoint", type=int, default=25, help="steps between checkpoints")
    parser.add_argument("--log", type=int, default=1, help="steps between entries of the log")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action="store_true", help="autocast: twice as fast where the hardware multiplies bf16")
    parser.add_argument("--compile", action="store_true", help="mask instead of gathering, compiled, all of the vocabulary: for a GPU")
    return parser.parse_args(words)


class Training:
    def __init__(self, args):
        self.args = args
        args.work.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        if args.threads:
            torch.set_num_threads(args.threads)
        self.windows = self.read_windows()
        dense = load(args.model).requires_grad_(False).to(args.device)
        if args.bf16:
            # Autocast would make them anew in every step.
            for matrix in (p for p in dense.parameters() if p.dim() == 2):
                matrix.data = matrix.data.bfloat16()
        last = dense.config.blocks - args.dense_last
        self.first = args.dense_first
        mod = Mod(tuple(range(self.first, last)), "block", projected=True, bypass=args.bypass)
        self.model = Model(dense.config, mod).requires_grad_(False)
        # The weights are shared with the teacher: only what the adapter holds is new.
        self.model.load_state_dict(dense.state_dict(), strict=False, assign=True)
        self.model.requires_grad_(False)
        self.model.to(args.device)
        if args.compile:
            dense.compile_paths()
            self.model.compile_paths()
        self.teacher = (Exact if args.compile else Sampled)(dense, self.windows, self.first)
        self.step, self.history, self.quantiles = 0, [], None

    def autocast(self):
        return torch.autocast(self.args.device, torch.bfloat16) if self.args.bf16 else nullcontext()

    def read_windows(self):
        windows = np.concatenate([np.load(file) for file in self.args.text])
        order = np.random.default_rng(self.args.seed).permutation(len(windows))
        windows = windows[order[:self.args.windows or None]]
        return torch.tensor(windows, dtype=torch.long, device=self.args.device)

    # What is trained

    def fit(self):
        """Bypasses and routers from the dense model's gradients; a matter of minutes."""
        args, file = self.args, self.args.work / "fitted.pt"
        if file.exists():
            fitted = torch.load(file, map_location=self.args.device)
        else:
            with self.autocast():
                sample = importance.collect(self.model, self.windows[:args.sample], self.model.mod.blocks,
                                            progress=lambda done, of: print(f"sample {done}/{of}", flush=True))
            scores, effect = importance.fit(self.model, sample)
            for number, cost in effect.items():
                print(f"block {number}: " + ", ".join(f"{what} {nats:.4f} nats" for what, nats in cost.items()), flush=True)
            order = torch.randperm(scores.numel())[:200_000]
            fitted = {"parameters": export.tensors(self.model), "scores": scores.flatten()[order], "effect": effect}
            torch.save(fitted, file)
        export.restore(self.model, fitted["parameters"])
        self.effect = fitted["effect"]
        self.quantiles = Quantiles(fitted["scores"])
        if args.init:
            export.restore(self.model, {n: v for n, v in load_file(args.init).items() if "bypass" in n})

    def prepare(self):
        args = self.args
        groups = {"lora": [], "bypass": []}
        if args.lora:
            for block in self.model.blk[self.first:]:
                for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
                    matrix = getattr(block, name)
                    matrix.add_lora(args.lora, export.LORA_SCALE)
                    groups["lora"] += [matrix.lora_a, matrix.lora_b]
        for name, parameter in self.model.named_parameters():
            if "mod_bypass" in name:
                groups["bypass"].append(parameter)
        rates = {"lora": args.lr, "bypass": args.lr_bypass}
        groups = [{"params": group, "lr": rates[kind], "base": rates[kind]}
                  for kind, group in groups.items() if group]
        for group in groups:
            for parameter in group["params"]:
                parameter.requires_grad_(True)
        self.parameters = [parameter for group in groups for parameter in group["params"]]
        self.optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98), fused=args.device != "cpu")

    # State

    def save(self):
        state = {"step": self.step, "history": self.history, "parameters": export.tensors(self.model),
                 "optimizer": self.optimizer.state_dict(), "scores": self.quantiles.scores, "random": torch.get_rng_state()}
        torch.save(state, self.args.work / "checkpoint.tmp")
        (self.args.work / "checkpoint.tmp").rename(self.args.work / "checkpoint.pt")
        settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(self.args).items()}
        log = {"model": Path(self.args.model).name, "settings": settings, "history": self.history, "effect": self.effect,
               "tokens_per_step": self.args.batch * self.args.accumulate * self.windows.shape[1]}
        (self.args.work / "log.json").write_text(json.dumps(log))
        if self.args.out:
            self.export(self.args.out)

    def restore(self):
        file = self.args.work / "checkpoint.pt"
        if not file.exists():
            return
        state = torch.load(file, map_location=self.args.device)
        export.restore(self.model, state["parameters"])
        rates = [group["base"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, rate in zip(self.optimizer.param_groups, rates):
            group["base"] = rate
        self.step, self.history = state["step"], state["history"]
        self.quantiles = Quantiles(state["scores"])
        torch.set_rng_state(state["random"].cpu())
        print(f"goes on at step {self.step}", flush=True)

    def export(self, path):
        zero = self.quantiles.threshold(torch.tensor(self.args.rate)).item()
        tokens = self.step * self.args.batch * self.args.accumulate * self.windows.shape[1]
        export.write(path, self.model, zero, self.args.initial, f"Distilled over {tokens:,} tokens, rate {self.args.rate} "
                     f"at its own threshold", lora_optional=self.args.lora_optional)

    # Steps

    def indices(self, draw):
        """The windows of the draw-th batch: all of them once in a random order, then again in another."""
        first = draw * self.args.batch
        taken = range(first, first + self.args.batch)
        count = len(self.windows)
        return [self.order(i // count)[i % count] for i in taken]

    def order(self, epoch):
        if getattr(self, "epoch", None) != epoch:
            self.epoch = epoch
            self.permutation = np.random.default_rng((self.args.seed, epoch)).permutation(len(self.windows)).tolist()
        return self.permutation

    def factor(self):
        """Of the learning rates: a linear warm-up, constant, a linear fall to 0 at the end."""
        left = (self.args.steps - self.step) / max(1.0, self.args.steps * self.args.decay)
        return min(1.0, (self.step + 1) / self.args.warmup, left)

    def run_step(self):
        args, divergences, shares = self.args, [], []
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * self.factor()
        for part in range(args.accumulate):
            with self.autocast():
                start, target = self.teacher.batch(self.indices(self.step * args.accumulate + part))
            # Spread evenly over the range, shifted by chance: less noise than independent draws.
            low, high = args.rates
            even = (torch.arange(args.batch) + torch.rand(1)) / args.batch
            rates = (low + (high - low) * even)[torch.randperm(args.batch)].to(args.device)
            dial = Dial(self.quantiles.threshold(rates)[:, None], args.initial, args.noise)
            with self.autocast():
                hidden = self.model.output_norm(self.model.run(start, dial, self.first))
                kl = self.teacher.divergence(hidden.float(), target)[:, args.initial:].mean(1)
            # Sequences of which little is skipped diverge little; they count no less for it.
            loss = (kl / (1.1 - rates)).mean() * (1.1 - np.mean(args.rates))
            (loss / args.accumulate).backward()
            self.quantiles.add(dial.scores)
            divergences.append(kl.detach().mean())
            shares.append(dial.share())
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        if self.step % args.log and self.step != args.steps:
            return None
        return {"step": self.step, "kl": torch.stack(divergences).mean().item(), "rate": torch.stack(shares).mean().item(),
                "norm": norm.item(), "rates": {str(b): round(r.item(), 3) for b, r in dial.rates.items()}}

    def run(self):
        self.fit()
        self.prepare()
        self.restore()
        begun = time.perf_counter()
        while self.step < self.args.steps:
            entry = self.run_step()
            if entry:
                entry["seconds"], begun = time.perf_counter() - begun, time.perf_counter()
                self.history.append(entry)
                if len(self.history) % 5 == 0:
                    recent = self.history[-20:]
                    print(f"{time.strftime('%H:%M:%S')} step {self.step} kl {np.mean([e['kl'] for e in recent]):.4f} rate "
                          f"{np.mean([e['rate'] for e in recent]):.3f} norm {entry['norm']:.2f} s {entry['seconds']:.1f}", flush=True)
            if self.step % self.args.checkpoint == 0 or self.step == self.args.steps:
                self.save()


if __name__ == "__main__":
    Training(arguments()).run()
