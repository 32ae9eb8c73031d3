"""    python -m unittest scratch.test_scratch"""
import json
import math
import tarfile
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from scratch import corpus
from scratch.flops import forward_flops, training_flops
from scratch.grid import PACKED_BYTES, groups, pack, worth_measuring
from scratch.report import optimum
from scratch.topk import GATES, Losses, Shape, SmallModel, best
from scratch.train import Settings, train

TINY = Shape(32, blocks=4, vocabulary=64, context=64, capacity=0.125)


def windows(shape, count=2):
    tokens = torch.randint(shape.vocabulary, (count, shape.context + 1))
    return tokens[:, :-1], tokens[:, 1:]


class TopkTest(unittest.TestCase):
    def test_tile_computes_what_the_mask_does(self):
        """Of training's gathered tiles and of the retrofit model's masks the loss is the same."""
        for gate in GATES:
            shape = Shape(32, 4, 64, 64, capacity=0.125, gate=gate)
            torch.manual_seed(1)
            model, (tokens, targets) = SmallModel(shape), windows(shape)
            masked = F.cross_entropy(model(tokens, model.topk).flatten(0, 1), targets.flatten())
            torch.testing.assert_close(Losses(model, compiled=False)(tokens, targets)[0], masked)

    def test_dense_model_has_no_routers(self):
        shape = Shape(32, 4, 64, 64)
        model, (tokens, targets) = SmallModel(shape), windows(shape)
        self.assertFalse([name for name, _ in model.named_parameters() if "mod" in name])
        expected = F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
        torch.testing.assert_close(Losses(model, compiled=False)(tokens, targets)[0], expected)

    def test_best_is_in_the_order_of_positions(self):
        r = torch.tensor([[0.0, 5, 1, 4] + [-1.0] * 60])
        self.assertEqual([[1, 3]], best(r, Shape(32, capacity=2 / 64)).tolist())

    def test_predictor_leaves_the_model_alone(self):
        model, (tokens, targets) = SmallModel(TINY), windows(TINY)
        Losses(model, compiled=False)(tokens, targets)[1].backward()
        touched = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        self.assertEqual({f"blk.{b}.mod_predictor_{part}" for b in (1, 3)
                          for part in ("up.weight", "up.bias", "down.weight", "down.bias")}, touched)


class FlopsTest(unittest.TestCase):
    def test_matrix_products_are_those_that_run(self):
        """PyTorch's count, whose attention is of all pairs, not of the causal half alone."""
        for shape in (TINY, Shape(32, 4, 64, 64)):
            model, (tokens, targets) = SmallModel(shape), windows(shape, 1)
            counter = FlopCounterMode(display=False)
            with counter:
                loss, predictor = Losses(model, compiled=False)(tokens, targets)
                (loss + predictor).backward()
            self.assertLess(abs(counter.get_total_flops() / (training_flops(shape) + self.other_half(shape)) - 1), 0.02)

    def other_half(self, shape):
        """Attention's products above the diagonal; PyTorch's backward computes the scores once more."""
        rows = [shape.tile(shape.context) if b in shape.mod.blocks else shape.context for b in range(shape.blocks)]
        every = sum(4 * n * n * shape.width for n in rows)
        causal = sum(2 * n * (n + 1) * shape.width for n in rows)
        return 3.5 * every - 3 * causal

    def test_routed_blocks_cost_their_tile(self):
        dense, routed = forward_flops(Shape(64)), forward_flops(Shape(64, capacity=0.125))
        self.assertLess(routed, 0.75 * dense)
        self.assertGreater(routed, 0.5 * dense)


class TrainTest(unittest.TestCase):
    def test_learns_and_is_the_same_each_time(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            text = np.tile(np.arange(64, dtype=np.uint16), 600)
            for name in ("train", "heldout"):
                np.save(folder / f"{name}.npy", text)
            settings = [Settings(TINY, flops=60 * 4 * training_flops(TINY), seed=seed, rate=1e-2, batch=4) for seed in (3, 4)]
            first, second = train(settings, folder, folder / "together", compiled=False)
            self.assertEqual([first], train(settings[:1], folder, folder / "alone", compiled=False))
            self.assertEqual([], train(settings, folder, folder / "together", compiled=False))
            for run in (first, second):
                self.assertEqual(60, run["steps"])
                self.assertLess(run["held_out"]["topk"], 1.0)


def result(name, flops, width, loss, parameters=1):
    capacity = 0.125 if name.startswith("mod") else 0.0
    held_out = {"topk": loss, "dense": 0.0} if capacity else {"dense": loss}
    return {"name": name, "settings": {"flops": flops, "shape": {"width": width, "blocks": 8, "capacity": capacity}},
            "held_out": held_out, "parameters": parameters}


class GridTest(unittest.TestCase):
    def test_best_runs_and_their_likes_are_packed(self):
        runs = [result("dense-32x8-1e14-1", 1e14, 32, 4.0), result("dense-64x8-1e14-1", 1e14, 64, 3.9, 9),
                result("mod125-32x8-1e14-1", 1e14, 32, 3.8), result("mod125-64x8-1e14-1", 1e14, 64, 3.95, 9)]
        self.assertEqual(["mod125-32x8-1e14-1", "dense-64x8-1e14-1", "mod125-64x8-1e14-1", "dense-32x8-1e14-1"],
                         worth_measuring(runs))
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            for run in runs:
                (folder / "runs" / run["name"]).mkdir(parents=True)
                (folder / "runs" / run["name"] / "run.json").write_text(json.dumps(run))
                (folder / "runs" / run["name"] / "model.pt").write_bytes(bytes(PACKED_BYTES // 3))
            pack(folder / "runs", folder / "packed")
            whole = folder / "runs.tar"
            whole.write_bytes(b"".join(part.read_bytes() for part in sorted((folder / "packed").iterdir())))
            with tarfile.open(whole) as tar:
                names = [file.parent.name for file in map(Path, tar.getnames()) if file.name == "model.pt"]
                self.assertEqual(4 + 2, len(tar.getnames()))
            self.assertEqual(["mod125-32x8-1e14-1", "dense-64x8-1e14-1"], names)

    def test_grid_has_both_kinds_of_each_size(self):
        for group in groups(1e-2, -0.5):
            self.assertEqual(0, sum(1 if s.shape.capacity else -1 for s in group))
            self.assertEqual(1, len({(s.shape.width, s.flops, s.rate) for s in group}))

    def test_optimum_is_between_the_sizes(self):
        points = [(10 ** e, 3 + (e - 6.2) ** 2) for e in (5, 6, 7)]
        x, loss = optimum(points)
        self.assertAlmostEqual(6.2, math.log10(x))
        self.assertAlmostEqual(3, loss)
        self.assertIsNone(optimum(points[1:]))


class CorpusTest(unittest.TestCase):
    def test_prose_is_kept_and_code_is_not(self):
        text = "The parser reads a file and returns what it has found in it, or an error if there is none."
        self.assertEqual(text, corpus.prose("  The parser reads a file\nand returns what it has found in it, or an error if there is none. "))
        self.assertIsNone(corpus.prose("for (int i = 0; i < n; i++) { a[i] = b[i] * c[i]; if (a[i] == 0) break; } return a;"))
        self.assertIsNone(corpus.prose("Der Parser liest eine Datei und gibt zurück, was er in ihr gefunden hat, oder einen Fehler."))

    def test_blocks_within_blocks_are_read_once(self):
        html = b"<html><body><ul><li><p>One.</p><p>Two.</p></li></ul><pre>code</pre><div>menu</div></body></html>"
        self.assertEqual(["One.", "Two."], list(corpus.marked_paragraphs(html, "a.html")))


if __name__ == "__main__":
    unittest.main()
