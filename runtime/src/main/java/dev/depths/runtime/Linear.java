package dev.depths.runtime;

import dev.depths.runtime.kernel.PackedMatrix;

/**
 * A matrix and what is added to its product.
 *
 * @param weights [out, in]
 * @param bias one per output, padded to whole panels; or null
 * @param loraB the low-rank update's second factor [out, rank], of half floats or floats; or null
 * @param loraRow where the update's rank intermediate values start among those of the projection
 */
record Linear(PackedMatrix weights, float[] bias, PackedMatrix loraB, int loraRow) {
  /** Without the low-rank update. */
  long bytes() {
    return weights.bytes() + (bias == null ? 0 : 4L * bias.length);
  }

  /** Of the update's second factor. */
  long lowRankBytes() {
    return loraB == null ? 0 : loraB.bytes();
  }
}
