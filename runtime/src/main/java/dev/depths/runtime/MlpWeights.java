package dev.depths.runtime;

import java.util.List;

/** The weights of a block's MLP half: one MLP for all tokens, or a mixture of experts. */
sealed interface MlpWeights {
  /** RMSNorm of the input. */
  float[] norm();

  /** Bytes that a decode of one token reads. */
  long bytes();

  /** Those of them that are of low-rank updates. */
  long lowRankBytes();

  /**
   * One MLP.
   *
   * @param norm see {@link #norm()}; null of an expert, whose input is normed already
   * @param gateUp gate and up projections
   * @param down down projection
   */
  record Dense(float[] norm, Projection gateUp, Projection down) implements MlpWeights {
    @Override
    public long bytes() {
      return gateUp.bytes() + down.bytes() + (norm == null ? 0 : 4L * norm.length);
    }

    @Override
    public long lowRankBytes() {
      return gateUp.lowRankBytes() + down.lowRankBytes();
    }
  }

  /**
   * A mixture of experts.
   *
   * @param norm see {@link #norm()}
   * @param router rows that score the experts, [experts + no-op experts][width]
   * @param used experts of a token
   * @param normalised whether the weights of a token's experts are divided by their sum
   * @param experts the experts that compute; the router's rows after theirs are of those that do not
   * @param shared an expert that computes every token; or null
   * @param sharedGate what scores its weight, [width]; or null
   */
  record Experts(float[] norm, float[] router, int used, boolean normalised, List<Dense> experts, Dense shared,
      float[] sharedGate) implements MlpWeights {
    /** Rows of the router. */
    int routes() {
      return router.length / norm.length;
    }

    /** Bytes that a pass reads whatever its tokens choose. */
    long fixedBytes() {
      return 4L * (norm.length + router.length) + (shared == null ? 0 : shared.bytes() + 4L * sharedGate.length);
    }

    @Override
    public long bytes() {
      return fixedBytes() + used * experts.getFirst().bytes();
    }

    @Override
    public long lowRankBytes() {
      return shared == null ? 0 : shared.lowRankBytes();
    }
  }
}
