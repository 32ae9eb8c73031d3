"""Golden values of the PyPI package mixture-of-depth 1.2.0: writes loader/conformance/packages/mixture-of-depth, a tiny
model as the package saves it and what the package computes, and compares the reference with it.

The package needs an older transformers, so this has an environment of its own:

    pip install mixture-of-depth==1.2.0 transformers==4.41.2 "numpy<2.3" torch==2.15.0 gguf==0.19.0 safetensors==0.8.0
    python make_packages.py
"""
import json
from pathlib import Path

import torch
from MoD import AutoMoDModelForCausalLM, MoD
from MoD.modeling.models import LlamaMoDForCausalLM
from safetensors.torch import load_file
from transformers import LlamaConfig

from reference import Config, Mod, Model

FOLDER = Path(__file__).resolve().parents[2] / "loader" / "conformance" / "packages" / "mixture-of-depth"
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "router.weight_predictor": "mod_router"}
TOP_NAMES = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}
# Of 48 tokens k is 6, and the package computes those strictly above the 6th score: 5. Of 12 tokens k is 1, and it is 1.
LENGTHS = {"golden.json": 48, "golden-short.json": 12}


def make_model():
    torch.manual_seed(5)
    # Attention by SDPA, as by default: its other ways do not work with the masks that the package cuts.
    model = LlamaMoDForCausalLM(LlamaConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
        vocab_size=32, max_position_embeddings=64, rms_norm_eps=1e-5, initializer_range=0.25, bos_token_id=1,
        eos_token_id=2))
    for name, parameter in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(parameter, 1, 0.2)
        elif name.endswith("router.weight_predictor.bias"):
            torch.nn.init.normal_(parameter, 1, 0.2)
    model.save_pretrained(FOLDER)


def package_answer(tokens):
    model = AutoMoDModelForCausalLM.from_pretrained(FOLDER).eval()
    scores, selected = {}, {}
    for index, layer in enumerate(model.model.layers):
        if isinstance(layer, MoD):
            layer.router.register_forward_hook(lambda _, __, out, index=index: scores.update({index: out[0]}))
            # The block is given only the selected tokens, with their positions.
            layer.block.register_forward_pre_hook(
                lambda _, args, kwargs, index=index: selected.update({index: kwargs["position_ids"][0].tolist()}),
                with_kwargs=True)
    with torch.no_grad():
        logits = model(torch.tensor([tokens]), use_cache=False).logits[0]
    margins = []
    for index, score in scores.items():
        ranked = score.sort(descending=True).values
        margins.append(ranked[len(selected[index]) - 1] - ranked[len(selected[index])])
    return logits, selected, min(margins).item()


def reference_answer(tokens):
    weights = {}
    for name, tensor in load_file(FOLDER / "model.safetensors").items():
        if name in TOP_NAMES:
            weights[TOP_NAMES[name]] = tensor
        else:
            block, rest = name.removeprefix("model.layers.").split(".", 1)
            rest, kind = rest.removeprefix("block.").rsplit(".", 1)
            weights[f"blk.{block}.{NAMES[rest]}.{kind}"] = tensor
    config = Config(blocks=4, heads=4, kv_heads=2, epsilon=1e-5, rope_base=10000.0, interleaved=False)
    mod = Mod(1, blocks=(1, 3), router="linear", selection="topk", capacity=0.125, ties="above", combine="r*(x+f)")
    return Model(config, weights, mod).run(tokens)


def check(name, length):
    tokens = torch.randint(32, (length,), generator=torch.Generator().manual_seed(7)).tolist()
    logits, selected, margin = package_answer(tokens)
    result = reference_answer(tokens)
    ours = {block: parts["block"] for block, parts in result.computed.items()}
    error = ((result.logits - logits).abs().max() / logits.abs().max()).item()
    print(f"{name}: selected {selected}, margin {margin:.2g}, the reference is off by {error:.2g} of the largest logit")
    if ours != selected or error > 1e-5 or margin < 1e-4:
        raise SystemExit("the reference and the package differ, or the case is not decided clearly")
    golden = {
        "package": "mixture-of-depth 1.2.0",
        "description": "One forward pass without a cache, in f32: LlamaMoDForCausalLM of random weights",
        "tokens": tokens,
        "prompt": length,
        "selection": "topk",
        "margin": float(f"{margin:.3g}"),
        "computed": {str(block): {"block": positions} for block, positions in selected.items()},
        "logits": [[float(f"{value:.7g}") for value in row] for row in logits.tolist()],
    }
    text = json.dumps(golden, separators=(",", ":")).replace("],[", "],\n[")
    (FOLDER / name).write_text(text + "\n", encoding="utf-8")


def main():
    make_model()
    for name, length in LENGTHS.items():
        check(name, length)


if __name__ == "__main__":
    main()
