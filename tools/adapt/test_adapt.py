"""Tests of the trainer: python -m unittest test_adapt"""
import contextlib
import io
import statistics
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
import transformers
import zstandard

import export
import importance
import repetition
import sample
import slope
import text
import train
from distil import ExactDivergence, divergence, share
from loading import load
from model import Block, CompiledPaths, Config, Decision, Mod, Model
from routing import Dial

# Of tensors this small threads would only wait for each other, for minutes where the machine is busy.
torch.set_num_threads(1)

SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
         "num_key_value_heads": 2, "vocab_size": 40, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "use_cache": False}
CONFIG = Config(blocks=3, width=32, hidden=48, heads=4, kv_heads=2, head_width=8, vocabulary=40)
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5], [2, 7, 1, 8, 2, 8, 1, 8, 2]])


def random_model(mod=Mod()):
    torch.manual_seed(1)
    model = Model(CONFIG, mod)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0.5 if parameter.dim() == 1 else 0, 0.25)
    return model


class LoadingTest(unittest.TestCase):
    """Dense models are what transformers computes."""

    def check(self, model):
        torch.manual_seed(0)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, 0.5 if parameter.dim() == 1 else 0, 0.25)
        model.eval()
        with tempfile.TemporaryDirectory() as directory, torch.no_grad():
            model.save_pretrained(directory)
            expected = model(TOKENS).logits
            actual = load(directory)(TOKENS)
        self.assertLess((actual - expected).abs().max(), 1e-4 * expected.abs().max())

    def test_llama(self):
        for tied in (False, True):
            self.check(transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES, tie_word_embeddings=tied)))

    def test_qwen2(self):
        self.check(transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**SIZES)))

    def test_qwen3(self):
        self.check(transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**SIZES, head_dim=16)))


class RoutingTest(unittest.TestCase):
    PARTS = ("block", "attention", "mlp", "attention+mlp")

    def test_all_tokens_chosen_is_dense(self):
        for part in self.PARTS:
            for projected in (False, True):
                model = random_model(Mod((1, 2), part, projected))
                routed = model(TOKENS, lambda block, prefix, x: Decision(torch.ones(x.shape[:2], dtype=torch.bool)))
                torch.testing.assert_close(routed, model(TOKENS))

    def test_no_token_chosen_is_the_block_left_out(self):
        model = random_model(Mod((1,)))
        routed = model(TOKENS, lambda block, prefix, x: Decision(torch.zeros(x.shape[:2], dtype=torch.bool)))
        del model.blk[1]
        torch.testing.assert_close(routed, model(TOKENS))


    def test_masked_is_gathered(self):
        model = random_model(Mod((0, 1), "block", projected=True, bypass=3))
        chosen = torch.rand(TOKENS.shape, generator=torch.Generator().manual_seed(2)) < 0.5
        gathered = model(TOKENS, lambda block, prefix, x: Decision(chosen))
        for block in model.blk:
            block.paths = Masked()
        torch.testing.assert_close(model(TOKENS, lambda block, prefix, x: Decision(chosen)), gathered)


class Masked(CompiledPaths):
    """Not compiled, which takes long."""

    def __init__(self):
        self.masked, self.dense = Block.masked, Block.halves


class SampleTest(unittest.TestCase):
    def test_logits_are_the_models(self):
        model = random_model()
        expected = model(TOKENS)
        writer = sample.Writer(model, *TOKENS.shape)
        for position in range(TOKENS.shape[1]):
            torch.testing.assert_close(writer.step(TOKENS[:, position], position), expected[:, position])

    def test_draws_follow_the_prediction(self):
        model = random_model()
        model.run(torch.zeros(1, 3, CONFIG.width), last=0)
        drawn = sample.Writer(model, 20_000, 3).write(torch.tensor([[3, 1]]).expand(20_000, -1))[:, 2]
        expected = torch.softmax(model(torch.tensor([[3, 1]]))[0, -1], -1)
        self.assertLess((drawn.bincount(minlength=40) / 20_000 - expected).abs().max(), 0.015)


class TrainingTest(unittest.TestCase):
    """A few steps on a tiny random model."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = Path(self.directory.name)
        torch.manual_seed(0)
        config = transformers.LlamaConfig(**SIZES | {"num_hidden_layers": 5}, initializer_range=0.3)
        transformers.LlamaForCausalLM(config).save_pretrained(self.path / "model")
        np.save(self.path / "text.npy", np.random.default_rng(0).integers(0, 40, (24, 32), dtype=np.int32))

    def train(self, work, steps, *more):
        args = train.arguments([
            str(self.path / "model"), "--text", str(self.path / "text.npy"), "--work", str(self.path / work), "--out",
            str(self.path / "adapter.safetensors"), "--steps", str(steps), "--sample", "16", "--dense-first", "1",
            "--dense-last", "1", "--bypass", "4", "--lora", "2", "--decay", "0", "--windows", "8", "--warmup", "2", "--checkpoint", "4",
            "--lr", "1e-2", "--device", "cpu", *more])
        with contextlib.redirect_stdout(io.StringIO()):
            training = train.Training(args)
            training.run()
        return training

    def test_divergence_falls(self):
        history = self.train("work", 60).history
        first, last = (statistics.fmean(e["kl"] for e in part) for part in (history[:8], history[-8:]))
        self.assertLess(last, 0.85 * first)

    def test_begins_with_the_bypasses_of_an_adapter(self):
        first = export.tensors(self.train("first", 8).model)
        second = export.tensors(self.train("second", 0, "--lora", "0", "--init", str(self.path / "adapter.safetensors")).model)
        bypasses = [name for name in second if "bypass" in name]
        self.assertEqual(len(bypasses), 6)
        for name in bypasses:
            torch.testing.assert_close(second[name], first[name].half().float())

    def test_stopped_and_resumed_is_the_same(self):
        whole = self.train("whole", 8)
        self.train("parts", 4)
        parts = self.train("parts", 8)
        for (name, a), b in zip(export.tensors(whole.model).items(), export.tensors(parts.model).values()):
            self.assertTrue(torch.equal(a, b), name)

    def test_adapter_decides_as_the_model_does(self):
        training = self.train("work", 8)
        dense = load(self.path / "model")
        model, descriptor = export.read(self.path / "adapter.safetensors", dense)
        self.assertEqual(descriptor["blocks"], [1, 2, 3])
        zero = training.quantiles.threshold(torch.tensor(training.args.rate))
        ours, theirs = Dial(zero), Dial(torch.tensor(0.0))
        with torch.no_grad():
            expected, actual = training.model(training.windows[:4], ours), model(training.windows[:4], theirs)
        self.assertEqual(ours.rates, theirs.rates)
        # Half floats in the file.
        self.assertLess((expected - actual).square().mean(), 1e-4 * expected.var())

    def test_slope_over_positions(self):
        self.train("work", 4)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            slope.main([str(self.path / "model"), "--adapter", str(self.path / "adapter.safetensors"), "--text",
                        str(self.path / "text.npy"), "--slope", "0.5", "--rate", "0.6", "--out", str(self.path / "slope.safetensors")])
        self.assertAlmostEqual(float(said.getvalue().split()[-2]), 0.6, delta=0.02)
        dense = load(self.path / "model")
        before, after = (export.read(self.path / f"{name}.safetensors", dense)[0].blk[2] for name in ("adapter", "slope"))
        x = torch.randn(1, 5, dense.config.width)
        rise = after.score(x, "mod_") - before.score(x, "mod_")
        torch.testing.assert_close(rise - rise[:, :1], 0.5 * torch.log1p(torch.arange(5.0))[None], atol=1e-5, rtol=0)


class DivergenceTest(unittest.TestCase):
    def test_all_tokens_is_the_definition(self):
        torch.manual_seed(0)
        head, student, teacher = torch.randn(40, 8), torch.randn(3, 5, 8), torch.randn(3, 5, 8)
        p, q = (torch.log_softmax(h @ head.T, -1) for h in (teacher, student))
        expected = (p.exp() * (p - q)).sum(-1)
        found = divergence(head, student, teacher, torch.arange(40).expand(3, 5, 40), p.exp())
        torch.testing.assert_close(found, expected)


    def test_exact_is_the_definition_with_its_gradient(self):
        torch.manual_seed(0)
        head, student, teacher = torch.randn(40, 8), torch.randn(3, 5, 8, requires_grad=True), torch.randn(3, 5, 8)
        weights = torch.rand(3, 5)
        p, q = (torch.log_softmax(h @ head.T, -1) for h in (teacher, student))
        expected = (p.exp() * (p - q)).sum(-1)
        gradient, = torch.autograd.grad((weights * expected).sum(), student)
        found = ExactDivergence.apply(student, teacher, head, share, 4)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(torch.autograd.grad((weights * found).sum(), student)[0], gradient)


class ImportanceTest(unittest.TestCase):
    def test_estimate_is_the_divergence_of_a_small_step(self):
        """Of an update that is scaled to be small, the mean estimate is near the divergence that skipping it makes."""
        model = random_model(Mod((1,), "mlp"))
        torch.nn.init.normal_(model.blk[1].ffn_down.weight, 0, 0.004)
        windows = torch.randint(0, 40, (400, 9), generator=torch.Generator().manual_seed(0))
        model.requires_grad_(False)
        sample = importance.collect(model, windows, [1], batch=400, initial=0)
        x, f, g = sample.of(1)
        # Attention's part of the update stays: only the MLP is skipped.
        rope = model.rope
        with torch.no_grad():
            block, rows = model.blk[1], x.view(400, 9, -1)
            attended = rows + block.attention(block.attn_norm(rows), None, rope).view_as(rows)
            mlp = block.mlp(block.ffn_norm(attended)).flatten(0, 1)
            estimate = importance.costs(block, "mod_", x, mlp, g).mean()
            p = torch.log_softmax(model(windows), -1)
            q = torch.log_softmax(model(windows, lambda b, prefix, x: Decision(torch.zeros(x.shape[:2], dtype=torch.bool))), -1)
            actual = (p.exp() * (p - q)).sum(-1).mean()
        self.assertLess(abs(estimate / actual - 1), 0.25)

    def test_router_finds_what_depends_on_its_input(self):
        torch.manual_seed(0)
        x = torch.randn(4000, 8)
        cost = (2 * x[:, 0] - 1).exp() * torch.randn(4000) ** 2
        router = random_model(Mod((1,))).blk[1].mod_router
        router.weight = torch.nn.Parameter(torch.zeros(1, 8), requires_grad=False)
        router.bias.requires_grad_(False)
        with torch.no_grad():
            score = importance.fit_router(router, x, cost)
        self.assertGreater(torch.corrcoef(torch.stack((score, x[:, 0])))[0, 1], 0.98)
        torch.testing.assert_close(router(x)[:, 0], score, atol=1e-4, rtol=1e-4)


class RepetitionTest(unittest.TestCase):
    def test_share_of_distinct_triples(self):
        self.assertEqual(1, repetition.distinct("one two three four"))
        self.assertEqual(1, repetition.distinct("two words"))
        self.assertAlmostEqual(3 / 7, repetition.distinct("a b c a b c\na b c"))


class TextTest(unittest.TestCase):
    def test_paragraphs_of_html(self):
        prose = "This is a sentence that is long enough to be kept, and it ends as sentences do, with a full stop."
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "a.html"
            file.write_text(f"<nav>Menu</nav><h1>Title</h1><p>{prose}</p><pre>{prose}</pre><p>{prose[:-1]}; x &amp; y.</p>")
            self.assertEqual(text.paragraphs(file), [prose, prose[:-1] + "; x & y."])

    def test_documents_of_a_corpus_without_those_that_are_measured_on(self):
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "train.txt.zst"
            file.write_bytes(zstandard.compress("One is here.\nTwo is too.\0Three, alone.\0Four.".encode()))
            found = list(text.documents([file]))
        self.assertEqual(found, ["One is here.\n\nTwo is too.", "Three, alone.", "Four."])
        self.assertEqual(text.without(found, ["Zero\n\ntwo  is too", "other"]), found[1:])


if __name__ == "__main__":
    unittest.main()
