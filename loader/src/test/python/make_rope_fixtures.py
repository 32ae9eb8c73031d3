"""Writes src/test/resources/rope.txt: frequencies that Hugging Face transformers computes for scaled RoPE.

Needs the packages transformers and numpy; numpy stands in for torch, in double precision. Each line: a name, the magnitude
of sine and cosine, the frequencies. Run from the loader's directory: python3 src/test/python/make_rope_fixtures.py
"""
import math
import pathlib
import types

import numpy as np
from transformers import modeling_rope_utils as rope


class Array(np.ndarray):
    def to(self, **_):
        return self.astype(np.float64) if self.dtype != bool else self


def array(x):
    return np.asarray(x, dtype=np.float64).view(Array)


rope.torch = types.SimpleNamespace(
    arange=lambda *args, **_: array(np.arange(*args)), where=lambda c, a, b: array(np.where(c, a, b)),
    clamp=lambda x, lo, hi: array(np.clip(x, lo, hi)), float32=None, float=None, int64=None, pi=math.pi)


def config(dim, context, **parameters):
    return types.SimpleNamespace(
        rope_parameters=parameters, head_dim=dim, hidden_size=dim, num_attention_heads=1,
        max_position_embeddings=context, standardize_rope_params=lambda: None)


CASES = {
    "linear": config(64, 4096, rope_type="linear", rope_theta=10000.0, factor=4.0),
    "llama3": config(64, 131072, rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0,
                     high_freq_factor=4.0, original_max_position_embeddings=8192),
    "yarn": config(128, 32768, rope_type="yarn", rope_theta=1000000.0, factor=4.0,
                   original_max_position_embeddings=32768),
    "yarn-mscale": config(64, 163840, rope_type="yarn", rope_theta=10000.0, factor=40.0, mscale=0.707,
                          mscale_all_dim=1.0, beta_fast=24, beta_slow=2, original_max_position_embeddings=4096),
    "yarn-attention": config(64, 4096, rope_type="yarn", rope_theta=10000.0, factor=2.0, attention_factor=1.5,
                             original_max_position_embeddings=2048),
}

with open(pathlib.Path("src/test/resources/rope.txt"), "w") as f:
    for name, c in CASES.items():
        frequencies, magnitude = rope.ROPE_INIT_FUNCTIONS[c.rope_parameters["rope_type"]](c, None)
        f.write(" ".join([name, repr(float(magnitude)), *(repr(float(x)) for x in frequencies)]) + "\n")
