package dev.depths.runtime;

/**
 * The weights of one transformer block.
 *
 * @param attention of the attention half
 * @param mlp of the MLP half
 * @param bypasses of the routed parts, for tokens that skip them: none, one, or one for each half
 * @param routers of the routed parts: none, one, or one for each half
 */
record BlockWeights(AttentionWeights attention, MlpWeights mlp, BypassWeights[] bypasses, PartRouter... routers) {
  /** Bytes that a decode of a token reads that every part computes. */
  long bytes() {
    long n = attention.bytes() + mlp.bytes();
    for (PartRouter r : routers) {
      n += r.router().bytes();
    }
    return n;
  }
}
