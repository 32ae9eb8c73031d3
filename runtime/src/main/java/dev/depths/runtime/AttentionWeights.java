package dev.depths.runtime;

/**
 * The weights of a block's attention half. Query and key rows are in halves order, whatever the file's RoPE layout.
 *
 * @param norm RMSNorm of the input
 * @param qkv query, key and value projections, for tokens that all run; null if they cannot be multiplied together
 * @param query the query projection, if tokens that skip the half leave keys and values; else null
 * @param keyValue key and value projections, likewise
 * @param queryNorm per-head RMSNorm of queries, or null
 * @param keyNorm per-head RMSNorm of keys, or null
 * @param output output projection
 */
record AttentionWeights(float[] norm, Projection qkv, Projection query, Projection keyValue, float[] queryNorm,
    float[] keyNorm, Projection output) {
  /** Of the bytes those of low-rank updates. */
  long lowRankBytes() {
    return (qkv != null ? qkv.lowRankBytes() : query.lowRankBytes() + keyValue.lowRankBytes()) + output.lowRankBytes();
  }

  /** Bytes that a pass reads. */
  long bytes() {
    return (qkv != null ? qkv.bytes() : query.bytes() + keyValue.bytes()) + output.bytes()
        + 4L * (norm.length + (queryNorm == null ? 0 : queryNorm.length + keyNorm.length));
  }
}
