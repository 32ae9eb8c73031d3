package dev.depths.bench;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.Counters;

/**
 * Counts the floating-point operations of a prefill of an empty context: the matrices (two per weight and token),
 * attention (four per pair of positions and element of a query), and the logits of the last token. Norms, RoPE, softmax
 * and SiLU are left out, as is customary.
 */
final class Flops {
  private Flops() {}

  /** A prefill of all of a session's tokens, as its counters tell which blocks computed how many of them. */
  static double prefill(ModelConfig c, Counters counters) {
    double flops = (c.blocks() - counters.routed().size()) * block(c, counters.tokens());
    for (Counters.RoutedBlock routed : counters.routed()) {
      flops += block(c, routed.tokensComputed());
    }
    return flops + 2.0 * c.embedding() * c.vocabulary();
  }

  /** One block that computes so many tokens. */
  static double block(ModelConfig c, long tokens) {
    return 2.0 * weights(c) * tokens + attention(c, tokens);
  }

  /** Weights of a block's matrices. */
  static long weights(ModelConfig c) {
    long d = c.embedding();
    long q = (long) c.heads() * c.headDim();
    long kv = (long) c.kvHeads() * c.headDim();
    return 2 * d * q + 2 * d * kv + 3 * d * c.feedForward();
  }

  /** Token i sees i positions: a multiply-add for its score and one for its weighted sum, per element of each query. */
  private static double attention(ModelConfig c, long tokens) {
    return 4.0 * c.heads() * c.headDim() * (tokens * (tokens + 1) / 2.0);
  }
}
