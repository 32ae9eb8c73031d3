package dev.depths.loader;

import java.util.List;

/**
 * What a Mixture-of-Depths checkpoint computes. Checkpoints disagree on the details, so each carries this descriptor
 * and the runtime executes it, or refuses it by name. Paper: Raposo et al. 2024, arXiv 2404.02258.
 *
 * @param version of the descriptor's schema; 1
 * @param blocks ids of the routed blocks, ascending
 * @param capacities for each routed block the share of tokens it was trained to compute, in (0, 1]; empty if not stated
 * @param router the router's form
 * @param selection how scores choose tokens
 * @param threshold on sigmoid(score), for {@link Selection#THRESHOLD}
 * @param combine how the block's output joins the residual stream
 * @param granularity what a routed token skips
 * @param positions which positions RoPE and the causal mask see
 * @param skippedKv whether skipped tokens leave keys and values
 * @param initialTokens the first n positions always run
 * @param sharedRouter whether one router serves all routed blocks
 */
public record ModDescriptor(
    int version,
    List<Integer> blocks,
    List<Double> capacities,
    Router router,
    Selection selection,
    double threshold,
    Combine combine,
    Granularity granularity,
    Positions positions,
    SkippedKv skippedKv,
    int initialTokens,
    boolean sharedRouter) {

  /**
   * @throws IllegalArgumentException if blocks are not ascending ids, capacities are not in (0, 1] or not one for each
   *     block, or the threshold is not in [0, 1]
   */
  public ModDescriptor {
    blocks = List.copyOf(blocks);
    capacities = List.copyOf(capacities);
    for (int i = 0; i < blocks.size(); i++) {
      if (blocks.get(i) < 0 || i > 0 && blocks.get(i) <= blocks.get(i - 1)) {
        throw new IllegalArgumentException("blocks " + blocks + " are not ascending ids");
      }
    }
    if (!capacities.isEmpty() && capacities.size() != blocks.size()
        || capacities.stream().anyMatch(c -> !(c > 0 && c <= 1))) {
      throw new IllegalArgumentException("capacities " + capacities + " are not one in (0, 1] for each block");
    }
    if (!(threshold >= 0 && threshold <= 1) || initialTokens < 0) {
      throw new IllegalArgumentException("threshold " + threshold + " or initial tokens " + initialTokens);
    }
  }

  /** The router's form. Always computed in f32. */
  public enum Router { LINEAR, LINEAR2, MLP }

  /** How scores choose tokens. */
  public enum Selection { TOPK, THRESHOLD, PREDICTOR }

  /** How the block's output f joins the residual x, r being the router's score. */
  public enum Combine {
    /** x + r·f (paper). */
    SCORE,
    /** x + sigmoid(r)·f. */
    SIGMOID,
    /** x + f (hard gate). */
    ADD,
    /** r·(x + f). */
    SCORE_BLOCK,
    /** x + softmax over the selected tokens (r)·(x + f). */
    SOFTMAX_BLOCK,
    /** x + (1 + 0.2·tanh r)·f. */
    TANH,
    /** The gate acts on the MLP branch only. */
    MLP_GATE
  }

  /** What a routed token skips, and whether tokens or whole sequences are routed. */
  public enum Granularity { BLOCK_TOKEN, ATTENTION_TOKEN, MLP_TOKEN, BLOCK_SEQUENCE }

  /** Which positions RoPE and the causal mask see. */
  public enum Positions { ORIGINAL, COMPACTED }

  /** Whether skipped tokens leave keys and values in the block's cache. */
  public enum SkippedKv { ABSENT, PROJECTED }
}
