"""Tests of the trainer: python -m unittest test_adapt"""
import tempfile
import unittest

import torch
import transformers

from loading import load
from model import Config, Decision, Mod, Model

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


if __name__ == "__main__":
    unittest.main()
