"""Dense models from GGUF files and Hugging Face directories, in the layout and by the names of GGUF files."""
import json
from pathlib import Path

import gguf
import torch
from safetensors import safe_open

from model import Config, Mod, Model

ARCHITECTURES = ("llama", "qwen2", "qwen3")
# Of Hugging Face names, after "model.layers.N."
NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
TOP_NAMES = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}


class FormatError(Exception):
    """A file that is not a model of the architectures that can be adapted."""


def load(path, mod=Mod()):
    """The model of a GGUF file or of a directory, in f32, its routed parts as `Model` initialises them."""
    path = Path(path)
    config, weights = read_directory(path) if path.is_dir() else read_gguf(path)
    model = Model(config, mod)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if ".mod_" not in name]
    if missing or unexpected:
        raise FormatError(f"{path}: tensors that are missing: {missing}; that are not expected: {unexpected}")
    return model


def check_architecture(path, architecture):
    if architecture not in ARCHITECTURES:
        raise FormatError(f"{path}: architecture {architecture}, expected one of {', '.join(ARCHITECTURES)}")


def read_gguf(path):
    reader = gguf.GGUFReader(path)
    # Arrays of tokens and merges are long, and not needed.
    keys = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("tokenizer.")}
    architecture = keys["general.architecture"]
    check_architecture(path, architecture)

    def key(name, default=None):
        return keys.get(f"{architecture}.{name}", default)

    if key("rope.scaling.type", "none") != "none":
        raise FormatError(f"{path}: RoPE scaling {key('rope.scaling.type')} is not supported")
    weights = {t.name: torch.tensor(gguf.dequantize(t.data, t.tensor_type).reshape(t.shape[::-1].tolist()))
               for t in reader.tensors if t.name != "rope_freqs.weight"}
    width, heads = key("embedding_length"), key("attention.head_count")
    return Config(
        blocks=key("block_count"), width=width, hidden=key("feed_forward_length"), heads=heads,
        kv_heads=key("attention.head_count_kv", heads), head_width=key("attention.key_length", width // heads),
        vocabulary=len(weights["token_embd.weight"]), epsilon=key("attention.layer_norm_rms_epsilon"),
        rope_base=key("rope.freq_base", 10000.0), interleaved=architecture == "llama",
        qkv_bias="blk.0.attn_q.bias" in weights, qk_norm="blk.0.attn_q_norm.weight" in weights,
        tied="output.weight" not in weights, architecture=architecture), weights


def read_directory(path):
    keys = json.loads((path / "config.json").read_text())
    architecture = keys["model_type"]
    check_architecture(path, architecture)
    if keys.get("rope_scaling"):
        raise FormatError(f"{path}: RoPE scaling is not supported")
    tensors = {}
    for shard in sorted(path.glob("*.safetensors")):
        with safe_open(shard, "pt") as file:
            for name in file.keys():
                tensors[name] = file.get_tensor(name).float()
    if not tensors:
        raise FormatError(f"{path}: no .safetensors file")
    heads = keys["num_attention_heads"]
    kv_heads = keys.get("num_key_value_heads", heads)
    weights = {}
    for name, tensor in tensors.items():
        if name in TOP_NAMES:
            weights[TOP_NAMES[name]] = tensor
            continue
        block, rest = name.removeprefix("model.layers.").split(".", 1)
        matrix, kind = rest.rsplit(".", 1)
        if matrix not in NAMES:
            continue
        if architecture == "llama" and NAMES[matrix] in ("attn_q", "attn_k"):
            count = heads if NAMES[matrix] == "attn_q" else kv_heads
            tensor = tensor.unflatten(0, (count, 2, -1)).transpose(1, 2).flatten(0, 2)
        weights[f"blk.{block}.{NAMES[matrix]}.{kind}"] = tensor
    if keys.get("tie_word_embeddings"):
        weights.pop("output.weight", None)
    width = keys["hidden_size"]
    return Config(
        blocks=keys["num_hidden_layers"], width=width, hidden=keys["intermediate_size"], heads=heads, kv_heads=kv_heads,
        head_width=keys.get("head_dim") or width // heads, vocabulary=len(weights["token_embd.weight"]),
        epsilon=keys["rms_norm_eps"], rope_base=keys.get("rope_theta", 10000.0), interleaved=architecture == "llama",
        qkv_bias="blk.0.attn_q.bias" in weights, qk_norm="blk.0.attn_q_norm.weight" in weights,
        tied="output.weight" not in weights, architecture=architecture), weights
