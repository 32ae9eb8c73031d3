package dev.depths.runtime;

import dev.depths.loader.Tensor;
import java.util.List;

/**
 * All weights of a model, packed.
 *
 * @param embedding the token embedding as in the file; rows are read one at a time
 * @param blocks the transformer blocks
 * @param finalNorm RMSNorm before the output projection
 * @param output projection to logits
 */
record Weights(Tensor embedding, List<BlockWeights> blocks, float[] finalNorm, Projection output) {
  /** Bytes that a dense decode reads, the embedding's one row excepted. */
  long bytes() {
    long n = output.bytes() + 4L * finalNorm.length;
    for (BlockWeights b : blocks) {
      n += b.bytes();
    }
    return n;
  }
}
