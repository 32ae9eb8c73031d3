package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Rounding;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.Ties;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;

/** The selections that training codes write down in their program alone. */
final class Selections {
  private Selections() {}

  /**
   * The {@code int(capacity * tokens)} highest scores, within bounds.
   *
   * @param blocks that have this capacity
   * @param causal the rule for generation, or null
   */
  static Selection topk(int blocks, double capacity, int leastTokens, int mostTokens, Ties ties, Rule causal) {
    return new Selection(Rule.TOPK, causal, Collections.nCopies(blocks, capacity), Rounding.FLOOR, leastTokens, mostTokens,
        ties, 0.5, OptionalDouble.empty(), false, 0);
  }

  /** Scores whose sigmoid is a threshold or more. */
  static Selection atLeast(double threshold) {
    return atLeast(threshold, OptionalDouble.empty());
  }

  /** As {@link #atLeast(double)}, with another threshold for the tokens of a prompt. */
  static Selection atLeast(double threshold, OptionalDouble ofPrompts) {
    return new Selection(
        Rule.THRESHOLD, Rule.THRESHOLD, List.of(), Rounding.FLOOR, 1, 0, Ties.FIRST, threshold, ofPrompts, true, 0);
  }
}
