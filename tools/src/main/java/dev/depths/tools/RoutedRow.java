package dev.depths.tools;

import dev.depths.loader.ModDescriptor.Part;
import java.util.Locale;

/**
 * A routed part of a block, and what it decided on each token of a text.
 *
 * @param block the block's id
 * @param part the whole block, or the half that is routed
 * @param computed by position, whether it computed the token
 * @param scores by position, what it decided by; NaN if there is none
 */
record RoutedRow(int block, Part part, boolean[] computed, float[] scores) {
  RoutedRow(int block, Part part, int tokens) {
    this(block, part, new boolean[tokens], new float[tokens]);
  }

  /** What it is called in a map. */
  String name() {
    return "block " + block + (part == Part.BLOCK ? "" : " " + partName());
  }

  String partName() {
    return part.name().toLowerCase(Locale.ROOT);
  }

  /** Tokens that it computed. */
  int count() {
    int count = 0;
    for (boolean c : computed) {
      count += c ? 1 : 0;
    }
    return count;
  }

  /** The share of the tokens that it computed. */
  double share() {
    return (double) count() / computed.length;
  }

  /** The sigmoid of a score, which tells how much it wanted to compute the token. */
  double wish(int position) {
    return 1 / (1 + Math.exp(-scores[position]));
  }

  /** The sigmoid as one of {@code levels} steps, the lowest being 0. */
  int level(int position, int levels) {
    return Math.min(levels - 1, (int) (levels * wish(position)));
  }

  /** What it decided on a token, and why. */
  String decision(int position) {
    return String.format(Locale.ROOT, "%s: %s, score %.3g, sigmoid %.2f", name(),
        computed[position] ? "computed" : "skipped", scores[position], wish(position));
  }
}
