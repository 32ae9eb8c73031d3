package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Part;

/**
 * What a decoded token is expected to read, against the dense model: the base without low-rank updates, routers and bypasses.
 *
 * @param dense bytes of the dense model
 * @param all bytes that a token reads which runs all routed parts
 * @param skippable bytes fewer of one that runs none
 */
record ReadShare(long dense, long all, long skippable) {
  /** @param part what is routed */
  static ReadShare of(Weights weights, Part part) {
    long all = weights.bytes();
    long dense = all;
    long skippable = 0;
    for (BlockWeights block : weights.blocks()) {
      AttentionWeights attention = block.attention();
      MlpWeights mlp = block.mlp();
      dense -= block.bytes() - attention.bytes() - mlp.bytes() + attention.lowRankBytes() + mlp.lowRankBytes();
      if (block.routers().length > 0) {
        skippable += part == Part.MLP ? 0 : attention.bytes() - (attention.keyValue() == null ? 0 : attention.keyValue().bytes());
        skippable += part == Part.ATTENTION ? 0 : mlp.bytes();
        for (BypassWeights bypass : block.bypasses()) {
          skippable -= bypass.bytes();
        }
      }
    }
    return new ReadShare(dense, all, skippable);
  }

  /** Of a token that runs so much of the routed parts, the same of each. */
  double at(double capacity) {
    return (all - (1 - capacity) * skippable) / dense;
  }
}
