"""Writes a trained model as a GGUF file of f32 weights, with the `mod.*` keys of loader/MOD-SCHEMA.md.

    python -m scratch.export work/tokens work/runs/NAME model.gguf [--threshold 0.5]

Smaller types: `depths convert --type q8_0 model.gguf small.gguf`.
"""
import argparse
import json
from pathlib import Path

import gguf
import torch

from scratch.topk import Shape, SmallModel


def load(folder):
    """The model of a finished run."""
    run = json.loads((folder / "run.json").read_text())
    model = SmallModel(Shape(**run["settings"]["shape"]))
    model.load_state_dict(torch.load(folder / "model.pt"))
    return model.eval()


def write(model, tokenizer, path, name, threshold=0.5):
    c = model.config
    out = gguf.GGUFWriter(path, c.architecture)
    out.add_name(name)
    out.add_context_length(model.shape.context)
    out.add_embedding_length(c.width)
    out.add_block_count(c.blocks)
    out.add_feed_forward_length(c.hidden)
    out.add_head_count(c.heads)
    out.add_head_count_kv(c.kv_heads)
    out.add_rope_dimension_count(c.head_width)
    out.add_rope_freq_base(c.rope_base)
    out.add_layer_norm_rms_eps(c.epsilon)
    out.add_vocab_size(c.vocabulary)
    add_tokenizer(out, json.loads(tokenizer.read_text())["model"])
    if model.mod.blocks:
        add_mod(out, model, threshold)
    for key, tensor in model.state_dict().items():
        out.add_tensor(key, tensor.float().numpy())
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def add_tokenizer(out, bpe):
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].get)
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("smollm")
    out.add_token_list(tokens)
    out.add_token_types([gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(tokens) - 1))
    out.add_token_merges([" ".join(pair) for pair in bpe["merges"]])
    out.add_bos_token_id(0)
    out.add_eos_token_id(0)
    out.add_add_bos_token(False)


def add_mod(out, model, threshold):
    out.add_uint32("mod.version", 1)
    out.add_array("mod.blocks", list(model.mod.blocks))
    out.add_string("mod.router", "linear")
    out.add_string("mod.selection", "topk")
    out.add_string("mod.causal_selection", "predictor")
    out.add_float32("mod.capacity", model.shape.capacity)
    out.add_float32("mod.threshold", threshold)
    out.add_string("mod.combine", f"x+{model.shape.gate}*f")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--threshold", type=float, default=0.5, help="of the predictor, in generation")
    args = parser.parse_args()
    write(load(args.run), args.tokens / "tokenizer.json", args.file, args.run.name, args.threshold)


if __name__ == "__main__":
    main()
