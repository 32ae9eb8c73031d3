package dev.depths.runtime;

/**
 * The weights of one transformer block.
 *
 * @param attentionNorm RMSNorm before attention
 * @param qkv query, key and value projections; query and key rows in halves order, whatever the file's RoPE layout
 * @param queryNorm per-head RMSNorm of queries, or null
 * @param keyNorm per-head RMSNorm of keys, or null
 * @param output attention's output projection
 * @param mlpNorm RMSNorm before the MLP
 * @param gateUp gate and up projections
 * @param down down projection
 * @param router the block's router, or null if it is not routed
 */
record BlockWeights(
    float[] attentionNorm,
    Projection qkv,
    float[] queryNorm,
    float[] keyNorm,
    Projection output,
    float[] mlpNorm,
    Projection gateUp,
    Projection down,
    Router router) {
  /** Bytes that one pass reads, the router's excepted. */
  long bytes() {
    return qkv.bytes() + output.bytes() + gateUp.bytes() + down.bytes()
        + 4L * (attentionNorm.length + mlpNorm.length + (queryNorm == null ? 0 : queryNorm.length + keyNorm.length));
  }
}
