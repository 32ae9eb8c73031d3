"""Writes src/test/resources/quantize/TYPE.bin: random elements and what gguf.quants.quantize makes of them.

Needs the packages gguf and numpy. Format, little-endian: int32 number of elements, the elements as f32, the blocks.
Run from the loader's directory: python3 src/test/python/make_quantize_fixtures.py
"""
import pathlib

import numpy as np
from gguf import GGMLQuantizationType, quants

N = 1536
out = pathlib.Path("src/test/resources/quantize")
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(20240402)
for name in "F32 F16 BF16 Q8_0 Q4_0 Q4_1".split():
    x = (rng.normal(0, 1, N) * np.exp(rng.normal(0, 3, N // 32)).repeat(32)).astype(np.float32)
    x[:32] = 0
    x[32:64] = 0.25
    # Every code of every type, and halfway between two: the largest magnitude is a power of two, or -8 scales.
    x[64:96] = np.linspace(-127, 127, 32, dtype=np.float32)
    x[96:128] = np.arange(32, dtype=np.float32) / 2 - 8
    x[128:160] = np.arange(32, dtype=np.float32) / 2
    x[160:192] = -np.arange(32, dtype=np.float32) / 2
    x[192:224] = np.abs(x[192:224])
    x[224:256] = -np.abs(x[224:256])
    x[256:288] = np.ldexp(rng.normal(0, 1, 32), -18)  # scales that are subnormal as f16
    if not name.startswith("Q"):
        x[:8] = [0.0, -0.0, 65504, -65504, 6e-8, 2e-8, 1 + 2 ** -11, 1 + 3 * 2 ** -11]
        x[8:12] = [1 + 2 ** -8, 1 + 3 * 2 ** -8, 1e-40, 3e38]
    with np.errstate(over="ignore"):
        blocks = quants.quantize(x.reshape(1, -1), GGMLQuantizationType[name])
    with open(out / f"{name}.bin", "wb") as f:
        f.write(np.int32(N).tobytes())
        f.write(x.tobytes())
        f.write(blocks.tobytes())
