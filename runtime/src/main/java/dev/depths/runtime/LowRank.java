package dev.depths.runtime;

import dev.depths.loader.DType;
import dev.depths.loader.LowRankUpdate;

/**
 * Where an adapter's low-rank updates (LoRA) are computed: merged into their matrices when a model opens, so that a pass reads
 * nothing but these, or beside them from factors of their own. Exact mode, in which all matrices become f32, always merges.
 */
public enum LowRank {
  /** Merged where the matrix' type holds the update: floats and Q8_0; beside matrices of fewer bits. */
  AUTO,
  /** Merged also into Q4_0 and Q4_1, which costs quality; beside those of types that Depths does not quantise to. */
  MERGED,
  /** Beside all matrices. */
  BESIDE;

  boolean merges(DType type) {
    return LowRankUpdate.isMergeable(type) && switch (this) {
      case AUTO -> switch (type) {
        case F32, F16, BF16, Q8_0 -> true;
        default -> false;
      };
      case MERGED -> true;
      case BESIDE -> false;
    };
  }
}
