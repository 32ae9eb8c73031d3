package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Rule;
import java.util.List;
import java.util.Map;

/**
 * What thresholds cost and what they save, as it was measured on a text: the part of it that does not depend on a machine. A
 * model or adapter carries it under the keys {@code mod.calibration.*} of {@code loader/MOD-SCHEMA.md}.
 *
 * @param rule whose scores the thresholds are on: {@link Rule#THRESHOLD} for the router's, {@link Rule#PREDICTOR}
 * @param rows from the least computed to the most
 * @param densePerplexity of the dense model on the same text
 * @param tokens that were scored
 * @param text the text's name, for people; may be empty
 */
public record Calibration(Rule rule, List<Row> rows, double densePerplexity, long tokens, String text) {
  /**
   * @throws IllegalArgumentException if the rule is not by thresholds, a number is out of range, rows have thresholds of
   *     different numbers of blocks, or more computed does not go with a greater capacity and thresholds that are no higher
   */
  public Calibration {
    rows = List.copyOf(rows);
    if (rule == Rule.TOPK || rows.isEmpty() || !(densePerplexity >= 1 && densePerplexity < Double.POSITIVE_INFINITY)
        || tokens < 1) {
      throw new IllegalArgumentException("a calibration has a rule of thresholds, not " + rule + ", rows, not " + rows.size()
          + ", a perplexity of 1 or more, not " + densePerplexity + ", and tokens, not " + tokens);
    }
    for (int i = 1; i < rows.size(); i++) {
      rows.get(i - 1).requireBelow(rows.get(i));
    }
  }

  /**
   * The calibration as {@code MOD-SCHEMA.md} spells it: keys without {@code mod.calibration.}, with values as GGUF and JSON hold
   * them.
   */
  public Map<String, Object> keys() {
    return CalibrationKeys.write(this);
  }

  /**
   * One setting of the thresholds.
   *
   * @param capacity the share of routed parts to be computed for which the thresholds were chosen, in (0, 1]
   * @param thresholds for each routed block, in [0, 1]
   * @param blocksRun the share of (token, routed part) pairs that was computed, in [0, 1]
   * @param bytesRead weight bytes that a token read on the path of generation, as a share of the dense model's
   * @param perplexity of the text
   * @param kl mean Kullback-Leibler divergence from the dense model's distributions, in nats per token
   */
  public record Row(
      double capacity, List<Double> thresholds, double blocksRun, double bytesRead, double perplexity, double kl) {
    /** @throws IllegalArgumentException if a number is out of range */
    public Row {
      thresholds = List.copyOf(thresholds);
      if (!(capacity > 0 && capacity <= 1) || !isShare(blocksRun) || thresholds.isEmpty()
          || !thresholds.stream().allMatch(Row::isShare)) {
        throw new IllegalArgumentException(
            "capacity " + capacity + ", share " + blocksRun + " or a threshold of " + thresholds + " is not in [0, 1]");
      }
      if (!(bytesRead > 0 && bytesRead < Double.POSITIVE_INFINITY)
          || !(perplexity >= 1 && perplexity < Double.POSITIVE_INFINITY) || !(kl >= 0 && kl < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("bytes " + bytesRead + " must be above 0, perplexity " + perplexity
            + " at least 1, KL " + kl + " at least 0, and all finite");
      }
    }

    private static boolean isShare(double x) {
      return x >= 0 && x <= 1;
    }

    private void requireBelow(Row next) {
      boolean ordered = capacity < next.capacity && blocksRun < next.blocksRun && thresholds.size() == next.thresholds.size();
      for (int b = 0; ordered && b < thresholds.size(); b++) {
        ordered = thresholds.get(b) >= next.thresholds.get(b);
      }
      if (!ordered) {
        throw new IllegalArgumentException("rows are not in order: capacity " + capacity + " with thresholds " + thresholds
            + " computed " + blocksRun + ", capacity " + next.capacity + " with " + next.thresholds + " computed "
            + next.blocksRun);
      }
    }
  }
}
