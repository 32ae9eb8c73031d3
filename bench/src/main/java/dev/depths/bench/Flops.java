package dev.depths.bench;

import dev.depths.loader.ModDescriptor.Part;
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
    double flops = c.blocks() * block(c, counters.tokens());
    for (Counters.RoutedPart routed : counters.routed()) {
      flops -= part(c, routed.part(), routed.tokensSeen()) - part(c, routed.part(), routed.tokensComputed());
    }
    return flops + 2.0 * c.embedding() * c.vocabulary();
  }

  /** One block that computes so many tokens. */
  static double block(ModelConfig c, long tokens) {
    return part(c, Part.BLOCK, tokens);
  }

  private static double part(ModelConfig c, Part part, long tokens) {
    return switch (part) {
      case ATTENTION -> 2.0 * attentionWeights(c) * tokens + attention(c, tokens);
      case MLP -> 2.0 * mlpWeights(c) * tokens;
      case BLOCK, EACH_HALF -> part(c, Part.ATTENTION, tokens) + part(c, Part.MLP, tokens);
    };
  }

  /** Weights of a block's matrices. */
  static long weights(ModelConfig c) {
    return attentionWeights(c) + mlpWeights(c);
  }

  private static long attentionWeights(ModelConfig c) {
    long d = c.embedding();
    long q = (long) c.heads() * c.headDim();
    long kv = (long) c.kvHeads() * c.headDim();
    return 2 * d * q + 2 * d * kv;
  }

  private static long mlpWeights(ModelConfig c) {
    return 3L * c.embedding() * c.feedForward();
  }

  /** Token i sees i positions: a multiply-add for its score and one for its weighted sum, per element of each query. */
  private static double attention(ModelConfig c, long tokens) {
    return 4.0 * c.heads() * c.headDim() * (tokens * (tokens + 1) / 2.0);
  }
}
