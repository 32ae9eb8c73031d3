"""Trains one small model from scratch until it has used up its budget of floating-point operations.

    python -m scratch.train work/tokens work/runs --width 96 --flops 1e14 --seed 1 [--capacity 0.125]

Writes into a folder named after the settings: model.pt in f16, and run.json with the settings, what the model does with
held-out text, and the curve of the training loss. A run that is complete is left alone.
"""
import argparse
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from scratch import heldout
from scratch.flops import forward_flops, training_flops
from scratch.topk import Losses, Shape, SmallModel

# The peak learning rate of a model that is 128 wide, and the power of the width by which it changes.
RATE, EXPONENT = 8e-3, -1.28
CURVE_STEPS = 20  # the curve has means of so many steps


def peak_rate(width, rate=RATE, exponent=EXPONENT):
    return rate * (width / 128) ** exponent


@dataclass(frozen=True)
class Settings:
    shape: Shape
    flops: float
    seed: int
    rate: float
    batch: int = 32

    @property
    def name(self):
        # The capacity in thousandths.
        kind = f"mod{1000 * self.shape.capacity:.0f}" if self.shape.capacity else "dense"
        return f"{kind}-{self.shape.width}x{self.shape.blocks}-{self.flops:.0e}-{self.seed}".replace("+", "")

    @property
    def steps(self):
        return round(self.flops / (self.batch * training_flops(self.shape)))

    def rate_at(self, step):
        """Linear warm-up over 5 % of the steps, then a cosine down to 5 % of the peak."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * (0.05 + 0.95 * (1 + math.cos(math.pi * (step - warm) / (self.steps - warm))) / 2)


def load_ids(path, device):
    return torch.from_numpy(np.load(path).astype(np.int32)).to(device)


class Windows:
    """Windows of token ids, each with the token that follows it, in an order that the seed gives."""

    def __init__(self, ids, length, seed=None):
        self.ids, self.length = ids, length
        order = np.arange((len(ids) - 1) // length)
        if seed is not None:
            order = np.random.default_rng(seed).permutation(order)
        self.order = torch.tensor(order, device=ids.device)
        self.offsets = torch.arange(length + 1, device=ids.device)

    def batch(self, number, size):
        """The number-th batch: tokens and targets [size, length]. After all windows comes the first again."""
        picked = self.order[(number * size + torch.arange(size, device=self.ids.device)) % len(self.order)]
        rows = self.ids[picked[:, None] * self.length + self.offsets].long()
        return rows[:, :-1], rows[:, 1:]


def optimizer(model, rate):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                             lr=rate, betas=(0.9, 0.95), fused=True, capturable=rate.is_cuda)


class Trainer:
    """A run in progress, all of it on the device of the ids.

    The number of the step is there too, and the learning rate and the windows are looked up by it: a step is the same work
    each time and needs nothing of the host. On a GPU, where these models would wait for the host to launch kernels, it
    becomes a graph with a stream of its own, so that several runs can fill the GPU together.
    """
    WARM_UP = 3  # steps before the capture: by then memory is allocated, and what is compiled is compiled

    def __init__(self, settings, ids, compiled=True, graphed=True):
        torch.manual_seed(settings.seed)
        self.settings, self.device = settings, ids.device
        self.model = SmallModel(settings.shape).to(ids.device)
        self.losses = Losses(self.model, compiled)
        self.windows = Windows(ids, settings.shape.context, settings.seed)
        self.rates = torch.tensor([settings.rate_at(step) for step in range(settings.steps)], device=ids.device)
        self.rate = torch.zeros((), device=ids.device)
        self.optimizer = optimizer(self.model, self.rate)
        self.number = torch.zeros(1, dtype=torch.long, device=ids.device)
        self.curve = torch.zeros(settings.steps, 2, device=ids.device)
        self.left, self.graph, self.stream = settings.steps, None, None
        if ids.is_cuda:
            self.stream = torch.cuda.Stream()
            self.stream.wait_stream(torch.cuda.current_stream())
            if graphed:
                self.capture()

    def capture(self):
        for _ in range(self.WARM_UP):
            self.step()
        graph = torch.cuda.CUDAGraph()
        try:
            # Captured on the run's own stream, since matrix products keep a workspace for each stream.
            with torch.cuda.graph(graph, stream=self.stream):
                self.work()
            self.graph = graph
        except RuntimeError as error:
            print(f"{self.settings.name} is not captured and runs eagerly: {error}", flush=True)
            self.optimizer.zero_grad()

    def step(self):
        """Launches the next step."""
        with torch.cuda.stream(self.stream):
            if self.graph:
                self.graph.replay()
            else:
                self.work()
        self.left -= 1

    def work(self):
        self.rate.copy_(self.rates.index_select(0, self.number).squeeze(0))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            loss, predictor = self.losses(*self.windows.batch(self.number, self.settings.batch))
        (loss + predictor).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.curve.index_copy_(0, self.number, torch.stack((loss, predictor)).detach()[None])
        self.number += 1


def finish(trainers):
    """Trains all to their ends, step by step in turns."""
    while any(t.left for t in trainers):
        for trainer in trainers:
            if trainer.left:
                trainer.step()
    if trainers[0].stream:
        torch.cuda.synchronize()


def train(settings, tokens, directory, device="cpu", compiled=True):
    """The results of runs that are trained side by side, of those that are not done yet."""
    settings = [s for s in settings if not (directory / s.name / "run.json").exists()]
    if not settings:
        return []
    ids = load_ids(tokens / "train.npy", device)
    trainers = [Trainer(s, ids, compiled) for s in settings]
    finish(trainers)
    # In any order, since documents of a package stand together.
    windows = Windows(load_ids(tokens / "heldout.npy", device), settings[0].shape.context, seed=0)
    return [save(trainer, windows, directory / trainer.settings.name) for trainer in trainers]


def save(trainer, windows, folder):
    run = report(trainer.settings, trainer.model.eval(), windows, trainer.curve.cpu().numpy())
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({name: tensor.half().cpu() for name, tensor in trainer.model.state_dict().items()}, folder / "model.pt")
    (folder / "run.json").write_text(json.dumps(run) + "\n")
    print(json.dumps({k: v for k, v in run.items() if k != "curve"}), flush=True)
    return run


def report(settings, model, windows, curve):
    parameters = sum(p.numel() for p in model.parameters())
    run = {"name": settings.name, "settings": asdict(settings), "steps": settings.steps,
           "tokens": settings.steps * settings.batch * settings.shape.context, "parameters": parameters,
           "parameters_without_embeddings": parameters - model.token_embd.weight.numel(),
           "training_flops": settings.steps * settings.batch * training_flops(settings.shape),
           "forward_flops_per_token": forward_flops(settings.shape) / settings.shape.context,
           "held_out": heldout.losses(model, windows)}
    if settings.shape.capacity:
        run["predictor"] = heldout.agreement(model, windows)
    run["curve"] = [[round(float(v), 4) for v in curve[i:i + CURVE_STEPS].mean(0)] for i in range(0, len(curve), CURVE_STEPS)]
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--capacity", type=float, default=0.0, help="0, the default, is a dense model")
    parser.add_argument("--gate", default=Shape.gate, help="r or sigmoid(r)")
    parser.add_argument("--flops", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, help="the peak learning rate; without it, by the width")
    parser.add_argument("--batch", type=int, default=Settings.batch, help="windows a step")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    args = parser.parse_args()
    shape = Shape(args.width, args.blocks, capacity=args.capacity, gate=args.gate)
    settings = Settings(shape, args.flops, args.seed, args.rate or peak_rate(args.width), args.batch)
    train([settings], args.tokens, args.runs, args.device, not args.eager)


if __name__ == "__main__":
    main()
