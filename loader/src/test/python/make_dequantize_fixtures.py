"""Writes src/test/resources/dequantize/TYPE.bin: blocks of random bytes and what gguf.quants.dequantize makes of them.

Needs the packages gguf and numpy. Format, little-endian: int32 number of elements, the blocks, the elements as f32.
Run from the loader's directory: python3 src/test/python/make_dequantize_fixtures.py
"""
import pathlib

import numpy as np
from gguf import GGMLQuantizationType, quants
from gguf.constants import GGML_QUANT_SIZES

TYPES = "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K".split()
# Byte offsets of the f16 scales in a block: random ones are mostly huge, and NaN has no bits to agree on.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}

out = pathlib.Path("src/test/resources/dequantize")
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(20240402)
for name in TYPES:
    kind = GGMLQuantizationType[name]
    block, size = GGML_QUANT_SIZES[kind]
    n = max(1, 1024 // block)
    data = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for at in HALVES.get(name, []):
        scales = rng.normal(0, 0.05, (n, 1)).astype(np.float16)
        scales[0] = np.float16(6e-8)  # subnormal
        scales[-1] = np.float16(-65504)
        data[:, at:at + 2] = scales.view(np.uint8)
    if not name.startswith("Q"):
        floats = rng.normal(0, 1, n).astype(np.float32)
        floats[:8] = [0.0, -0.0, np.inf, -np.inf, 6e-8, -6e-8, 65504, 1e-40]
        with np.errstate(over="ignore"):
            data = {"F32": lambda: floats.view(np.uint8), "F16": lambda: floats.astype(np.float16).view(np.uint8),
                    "BF16": lambda: (floats.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)}[name]()
        data = data.reshape(1, -1)
    expected = quants.dequantize(data.reshape(1, -1), kind).astype(np.float32).ravel()
    assert expected.size == n * block and not np.isnan(expected).any(), name
    with open(out / f"{name}.bin", "wb") as f:
        f.write(np.int32(expected.size).tobytes())
        f.write(data.tobytes())
        f.write(expected.tobytes())
