"""What is asked of the figures; tables name it, and set in bold what misses it."""

# Depths' rate as a multiple of llama.cpp's, by test.
AGAINST_LLAMA_CPP = {"pp512": 1.0, "tg128": 1.0, "tg64 @ d2048": 1.0}

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
