package dev.depths.tools;

import dev.depths.loader.ModDescriptor.Part;
import dev.depths.runtime.RoutingListener;
import java.util.Arrays;

/** The scores that routed parts give the tokens of a text, all together, and how many of them are computed. */
final class ScoreSample implements RoutingListener {
  private final int initialTokens;
  private float[] scores = new float[1 << 12];
  private int count;
  private int always;
  private int computed;

  /** @param initialTokens positions that are computed whatever their scores */
  ScoreSample(int initialTokens) {
    this.initialTokens = initialTokens;
  }

  @Override
  public void onDecision(int block, Part part, int position, float score, boolean run) {
    computed += run ? 1 : 0;
    if (position < initialTokens) {
      always++;
      return;
    }
    if (count == scores.length) {
      scores = Arrays.copyOf(scores, 2 * count);
    }
    // A score that is no number is above no threshold.
    scores[count++] = Float.isNaN(score) ? Float.NEGATIVE_INFINITY : score;
  }

  /** The share of the decisions by which a token was computed. */
  double shareComputed() {
    return (double) computed / (count + always);
  }

  /** The threshold, on the sigmoid of the scores, above which that share of all decisions lies. */
  double threshold(double capacity) {
    long wanted = Math.round(capacity * (count + always)) - always;
    if (wanted >= count) {
      return 0;
    }
    if (wanted <= 0) {
      return 1;
    }
    float[] sorted = Arrays.copyOf(scores, count);
    Arrays.sort(sorted);
    int at = (int) (count - wanted);
    // Between the last one that is computed and the first one that is not.
    return 1 / (1 + Math.exp(-((double) sorted[at] + sorted[at - 1]) / 2));
  }
}
