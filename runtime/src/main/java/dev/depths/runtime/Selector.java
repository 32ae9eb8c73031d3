package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Rounding;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.Ties;
import java.util.Arrays;
import java.util.SplittableRandom;

/** How a routed part of a block chooses among the tokens that a sequence brings to a pass. */
interface Selector {
  /**
   * Chooses.
   *
   * @param scores of rows {@code from} to {@code to}, which are the sequence's
   * @param position of the first of them
   * @param prompt whether they are tokens of a prompt
   * @param chosen receives the rows to compute, ascending, from {@code at} on
   * @return how many
   */
  int select(float[] scores, int from, int to, int position, boolean prompt, int[] chosen, int at);

  /** Begins a new sequence. */
  default void clear() {}

  /** All tokens, or none. */
  record Every(boolean run) implements Selector {
    @Override
    public int select(float[] scores, int from, int to, int position, boolean prompt, int[] chosen, int at) {
      for (int r = from; run && r < to; r++) {
        chosen[at + r - from] = r;
      }
      return run ? to - from : 0;
    }
  }

  /** Those whose sigmoid(score) is above a threshold, and the initial ones. */
  record Threshold(double prompts, double others, boolean inclusive, int initialTokens) implements Selector {
    /** That of the {@code i}-th routed block. */
    static Threshold of(Selection s, int i) {
      double threshold = s.thresholdOf(i);
      return new Threshold(s.prefillThreshold().orElse(threshold), threshold, s.inclusive(), s.initialTokens());
    }

    @Override
    public int select(float[] scores, int from, int to, int position, boolean prompt, int[] chosen, int at) {
      return above(prompt ? prompts : others, inclusive, initialTokens, scores, from, to, position, chosen, at);
    }

    /** As {@link #select} by one threshold. */
    static int above(double threshold, boolean inclusive, int initialTokens, float[] scores, int from, int to, int position,
        int[] chosen, int at) {
      int n = at;
      for (int r = from; r < to; r++) {
        double p = Router.sigmoid(scores[r]);
        if (position + r - from < initialTokens || (inclusive ? p >= threshold : p > threshold)) {
          chosen[n++] = r;
        }
      }
      return n - at;
    }
  }

  /**
   * As {@link Threshold}, by thresholds that are set from outside.
   *
   * @param thresholds of all routed blocks, read in each pass
   * @param index this one's place among them
   */
  record Dialled(double[] thresholds, int index, boolean inclusive, int initialTokens) implements Selector {
    @Override
    public int select(float[] scores, int from, int to, int position, boolean prompt, int[] chosen, int at) {
      return Threshold.above(thresholds[index], inclusive, initialTokens, scores, from, to, position, chosen, at);
    }
  }

  /** The k best of a whole sequence, which comes in one pass. */
  record TopK(double capacity, Selection selection) implements Selector {
    @Override
    public int select(float[] scores, int from, int to, int position, boolean prompt, int[] chosen, int at) {
      int tokens = to - from;
      int k = k(tokens);
      int n = at;
      int initial = Math.min(selection.initialTokens(), tokens);
      for (int r = from; r < from + initial; r++) {
        chosen[n++] = r;
      }
      int wanted = k - initial;
      if (wanted <= 0) {
        return n - at;
      }
      float last = highest(scores, from + initial, to, wanted);
      int above = 0;
      for (int r = from + initial; r < to; r++) {
        above += scores[r] > last ? 1 : 0;
      }
      // Room for tokens whose score is that of the last one chosen.
      int equal = switch (selection.ties()) {
        case FIRST -> wanted - above;
        case ABOVE -> k == 1 ? tokens : 0;
        case ALL -> tokens;
      };
      for (int r = from + initial; r < to; r++) {
        if (scores[r] > last || scores[r] == last && equal-- > 0) {
          chosen[n++] = r;
        }
      }
      return n - at;
    }

    private int k(int tokens) {
      double share = capacity * tokens;
      double rounded = switch (selection.rounding()) {
        case FLOOR -> Math.floor(share);
        case CEIL -> Math.ceil(share);
        case ROUND -> Math.rint(share);
      };
      double most = selection.mostTokens() == 0 ? tokens : Math.min(tokens, selection.mostTokens());
      return (int) Math.min(Math.max(rounded, selection.leastTokens()), most);
    }

    /** The n-th highest of some scores. */
    private static float highest(float[] scores, int from, int to, int n) {
      float[] sorted = Arrays.copyOfRange(scores, from, to);
      for (int i = 0; i < sorted.length; i++) {
        // Which is not above any.
        sorted[i] = Float.isNaN(sorted[i]) ? Float.NEGATIVE_INFINITY : sorted[i];
      }
      Arrays.sort(sorted);
      return sorted[sorted.length - n];
    }
  }

  /** A random share, whatever the scores; its fraction by chance, each subset as likely (Knuth, TAOCP 3.4.2, algorithm S). */
  final class Random implements Selector {
    private final double rate;
    private final long seed;
    private SplittableRandom random;

    Random(double rate, long seed) {
      this.rate = rate;
      this.seed = seed;
      clear();
    }

    @Override
    public void clear() {
      random = new SplittableRandom(seed);
    }

    @Override
    public int select(float[] scores, int from, int to, int position, boolean prompt, int[] chosen, int at) {
      int rows = to - from;
      int wanted = (int) Math.min(rows, Math.floor(rate * rows + random.nextDouble()));
      int n = 0;
      for (int r = 0; r < rows && n < wanted; r++) {
        if (random.nextDouble() * (rows - r) < wanted - n) {
          chosen[at + n++] = from + r;
        }
      }
      return n;
    }
  }
}
