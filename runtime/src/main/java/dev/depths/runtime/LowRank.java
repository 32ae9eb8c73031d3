package dev.depths.runtime;

import dev.depths.loader.DType;
import dev.depths.loader.LowRankUpdate;

/**
 * Where an adapter's low-rank updates (LoRA) are computed: merged into their matrices when a model opens, so that a pass reads
 * nothing but these, or beside them from factors of their own. Exact mode, in which all matrices become f32,
 * merges what is not left out.
 *
 * <p>Rounding W + B·A to W's type loses some of the update. For updates of rank 8 that are worth a KL divergence of 0.025
 * nats per token (SmolLM2-135M dense, with them against without them), the rounding costs 0.000001 for F16, 0.00004 for BF16
 * and 0.0013 for Q8_0, which is what storing the weights as Q8_0 costs; but 0.0055 for blocks like Q6_K's, 0.017 for 5 bits, and
 * for Q4_0 and Q4_1 as much as there is.
 */
public enum LowRank {
  /**
   * Merged where the matrix' type holds the update: floats and Q8_0. Beside matrices of fewer bits, or left out there if the
   * adapter says that it works without ({@code mod.lora.optional}): beside a 4-bit matrix an update takes longer than it is worth.
   */
  AUTO,
  /** Merged also into Q4_0 and Q4_1, which costs quality; beside those of types that Depths does not quantise to. */
  MERGED,
  /** Beside all matrices. */
  BESIDE,
  /** Left out everywhere, also in exact mode: another model, which an adapter's author may or may not have meant. */
  NONE;

  /** Whether the update of a matrix is left out. */
  boolean leavesOut(DType type, boolean optional) {
    return this == NONE || this == AUTO && optional && !merges(type);
  }

  boolean merges(DType type) {
    return LowRankUpdate.isMergeable(type) && switch (this) {
      case AUTO -> switch (type) {
        case F32, F16, BF16, Q8_0 -> true;
        default -> false;
      };
      case MERGED -> true;
      case BESIDE, NONE -> false;
    };
  }
}
