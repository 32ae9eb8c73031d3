package dev.depths.runtime;

/**
 * The weights of a block's MLP half.
 *
 * @param norm RMSNorm of the input
 * @param gateUp gate and up projections
 * @param down down projection
 */
record MlpWeights(float[] norm, Projection gateUp, Projection down) {
  /** Bytes that a pass reads. */
  long bytes() {
    return gateUp.bytes() + down.bytes() + 4L * norm.length;
  }
}
