"""What is asked of the figures; tables name it, and set in bold what misses it."""

# Depths' rate as a multiple of llama.cpp's, by weight type: pp512, tg128, tg64 @ d2048.
AGAINST_LLAMA_CPP = {
    "F32": (1.25, 1.3, 1.2), "F16": (1.25, 1.3, 1.2), "BF16": (1.1, 1.3, 1.2),
    "Q8_0": (1.05, 1.4, 1.25), "Q4_0": (0.95, 1.25, 1.15),
    "Q4_1": (1.2, 1.25, 1.15), "Q5_0": (1.2, 1.25, 1.15), "Q5_1": (1.2, 1.25, 1.15),
    "Q4_K": (1.0, 1.15, 1.1), "Q5_K": (1.0, 1.15, 1.1), "Q6_K": (1.0, 1.15, 1.1),
}
# llama.cpp multiplies bfloat16 with instructions that Java cannot reach.
WITH_AVX512_BF16 = {"BF16": (0.8, 1.3, 1.2)}
ANY_TYPE = (1.0, 1.0, 1.0)


def against_llama_cpp(weights, flags):
    by_type = {**AGAINST_LLAMA_CPP, **(WITH_AVX512_BF16 if "avx512_bf16" in flags else {})}
    return by_type.get(weights.upper().partition("-OF-")[0], ANY_TYPE)


# MoD's speed over dense, as a share of what counting predicts, with every other block at 12.5 %.
MOD_CAPACITY = "0.125"
MOD_DECODE = 0.95
MOD_PREFILL = 0.90

FIRST_TOKEN_MS = 700
P99_OVER_P50 = 1.3
FIRST_LOAD_MS = 1000
LATER_LOAD_MS = 150

BYTES_PER_TOKEN = 0
COLLECTIONS = 0
RESIDENT_EXTRA_BYTES = 120 * 10**6
