"""Tests of the reference itself: python -m unittest test_reference"""
import dataclasses
import json
import unittest
from pathlib import Path

import torch
import transformers

import reference
from reference import Config, Mod, Model, formula, top_k

FOLDER = Path(__file__).resolve().parents[2] / "loader" / "conformance"
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4]
SIZES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "vocab_size": 40, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "use_cache": False,
         "tie_word_embeddings": False, "attn_implementation": "eager"}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",
    "block_sparse_moe.gate": "ffn_gate_inp", "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
    "mlp.shared_expert.gate_proj": "ffn_gate_shexp", "mlp.shared_expert.up_proj": "ffn_up_shexp",
    "mlp.shared_expert.down_proj": "ffn_down_shexp"}
EXPERT_NAMES = {"gate_proj": "ffn_gate_exps", "up_proj": "ffn_up_exps", "down_proj": "ffn_down_exps",
                "w1": "ffn_gate_exps", "w3": "ffn_up_exps", "w2": "ffn_down_exps"}
TOP_NAMES = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}


def gguf_tensors(state, interleave_heads=()):
    """Tensors of a Hugging Face model by their names in GGUF files; optionally with query and key rows interleaved."""
    tensors, experts = {}, {}
    for name, tensor in state.items():
        if name in TOP_NAMES:
            tensors[TOP_NAMES[name]] = tensor
            continue
        block, rest = name.removeprefix("model.layers.").split(".", 1)
        rest, kind = rest.rsplit(".", 1)
        if ".experts." in rest:
            expert, matrix = rest.split(".experts.")[1].split(".")
            experts.setdefault(f"blk.{block}.{EXPERT_NAMES[matrix]}.{kind}", {})[int(expert)] = tensor
            continue
        if interleave_heads and NAMES[rest] in ("attn_q", "attn_k"):
            heads = interleave_heads[0] if NAMES[rest] == "attn_q" else interleave_heads[1]
            tensor = tensor.unflatten(0, (heads, 2, -1)).transpose(1, 2).flatten(0, 2)
        tensors[f"blk.{block}.{NAMES[rest]}.{kind}"] = tensor
    for name, matrices in experts.items():
        tensors[name] = torch.stack([matrices[i] for i in range(len(matrices))])
    return tensors


class TransformersTest(unittest.TestCase):
    """Models that are not routed are what transformers computes."""

    def check(self, model, interleaved=False, **config):
        torch.manual_seed(0)
        model = model.double().eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, 0.5 if parameter.dim() == 1 else 0, 0.25)
        expected = model(torch.tensor([TOKENS])).logits[0].detach()
        weights = gguf_tensors(model.state_dict(), (4, 2) if interleaved else ())
        config = Config(blocks=2, heads=4, kv_heads=2, epsilon=1e-5, rope_base=10000.0, interleaved=interleaved, **config)
        actual = Model(config, weights).run(TOKENS).logits
        self.assertLess((actual - expected).abs().max(), 1e-6 * expected.abs().max())

    def test_llama(self):
        for interleaved in (False, True):
            self.check(transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES)), interleaved)

    def test_mixtral(self):
        config = transformers.MixtralConfig(**SIZES, num_local_experts=4, num_experts_per_tok=2)
        self.check(transformers.MixtralForCausalLM(config), experts_used=2)

    def test_qwen2moe(self):
        config = transformers.Qwen2MoeConfig(**SIZES, **EXPERTS, shared_expert_intermediate_size=24, norm_topk_prob=False)
        self.check(transformers.Qwen2MoeForCausalLM(config), experts_used=2, renormalised=False)

    def test_qwen3moe(self):
        config = transformers.Qwen3MoeConfig(**SIZES, **EXPERTS, head_dim=16, norm_topk_prob=True)
        self.check(transformers.Qwen3MoeForCausalLM(config), experts_used=2)


class TopKTest(unittest.TestCase):
    def chosen(self, scores, k, ties, initial=0):
        return top_k(torch.tensor(scores), k, ties, initial).nonzero().flatten().tolist()

    def test_ties(self):
        scores = [1.0, 3.0, 2.0, 2.0, 2.0, 0.0]
        self.assertEqual(self.chosen(scores, 3, "first"), [1, 2, 3])
        self.assertEqual(self.chosen(scores, 3, "above"), [1])
        self.assertEqual(self.chosen(scores, 3, "all"), [1, 2, 3, 4])
        self.assertEqual(self.chosen([1.0, 2.0, 2.0], 1, "above"), [1, 2])
        # Without ties `above` takes one token less.
        self.assertEqual(self.chosen([1.0, 4.0, 2.0, 3.0], 3, "above"), [1, 3])

    def test_initial(self):
        scores = [0.0, 1.0, 4.0, 3.0, 2.0]
        self.assertEqual(self.chosen(scores, 3, "first", 1), [0, 2, 3])
        self.assertEqual(self.chosen(scores, 1, "first", 2), [0, 1])
        self.assertEqual(self.chosen(scores, 0, "first"), [])

    def test_budget(self):
        def k(capacity, tokens, **more):
            return Mod(1, blocks=(3,), capacity=capacity, **more).budget(3, tokens)

        self.assertEqual([k(0.25, 26, k_rounding=rounding) for rounding in ("floor", "ceil", "round")], [6, 7, 6])
        self.assertEqual(k((0.25,), 30, k_rounding="round"), 8)
        self.assertEqual((k(0.7, 30), k(0.1, 30, k_rounding="ceil")), (20, 4))
        self.assertEqual((k(0.01, 30), k(0.01, 30, least_tokens=0), k(0.5, 30, most_tokens=4)), (1, 0, 4))
        self.assertEqual(k(0.5, 4, least_tokens=9), 4)


class ConformanceTest(unittest.TestCase):
    def answers(self):
        for path in sorted(FOLDER.glob("*.json")):
            answer = json.loads(path.read_text(encoding="utf-8"))
            with self.subTest(path.stem):
                yield answer, reference.read(FOLDER / (answer["case"] + ".gguf"))

    def test_reproduced(self):
        for answer, model in self.answers():
            result = model.run(answer["tokens"], answer["prompt"], answer["selection"])
            self.assertEqual({str(block): parts for block, parts in result.computed.items()}, answer["computed"])
            expected = torch.tensor(answer["logits"], dtype=torch.float64)
            self.assertLess((result.logits - expected).abs().max(), 1e-5)

    def test_causal(self):
        """Under a causal rule no token depends on later ones, unless it is part of the prompt of a sequence's decision."""
        for answer, model in self.answers():
            if answer["selection"] == "topk":
                continue
            # The tokens after a prompt that is the whole sequence are none, so such a prompt may as well be shorter.
            for count in range(1, len(answer["tokens"])):
                if model.mod.unit == "sequence" and count < answer["prompt"]:
                    continue
                result = model.run(answer["tokens"][:count], min(count, answer["prompt"]), answer["selection"])
                expected = torch.tensor(answer["logits"][:count], dtype=torch.float64)
                self.assertLess((result.logits - expected).abs().max(), 1e-5)

    def test_capacity_of_1_is_dense(self):
        model = reference.read(FOLDER / "topk-floor.gguf")
        model.mod = dataclasses.replace(model.mod, capacity=1.0, combine="x+f")
        routed = model.run(TOKENS).logits
        self.assertLess((routed - Model(model.config, model.weights).run(TOKENS).logits).abs().max(), 1e-12)

    def test_every_formula_has_a_case(self):
        used = {formula(model.mod.combine) for _, model in self.answers() if model.mod.combine}
        self.assertEqual(used, set(reference.FORMULAS.values()))


if __name__ == "__main__":
    unittest.main()
