package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Combine.Gate;
import dev.depths.loader.ModDescriptor.Rule;
import java.util.Arrays;

/**
 * What a routed part of a block chose of one sequence. What a pass adds holds when it is committed; a pass that is given up
 * is rolled back.
 */
final class BlockRouting {
  private final Selector selector;
  private final Gate gate;
  private final Rule rule;
  private int[] positions = new int[0];
  private int chosen;
  private int computed;
  private long seen;
  /** Logarithm of the sum of exp(score) of the tokens chosen so far. */
  private double logSum;
  private double committedLogSum;
  /** The one decision for a sequence that is routed as a whole: made, and what it is. */
  private boolean decided;
  private boolean runs;
  private float score;

  /** @param rule that the selector follows, or null if it does not go by scores */
  BlockRouting(Selector selector, Gate gate, Rule rule) {
    this.selector = selector;
    this.gate = gate;
    this.rule = rule;
    clear();
  }

  /** Whether it chooses by a predictor's scores instead of the router's. */
  boolean isByPredictor() {
    return rule == Rule.PREDICTOR;
  }

  /** Tokens that reached the part. */
  long seen() {
    return seen;
  }

  /** Tokens that it computed. */
  long computed() {
    return computed;
  }

  /** The positions computed, ascending. */
  int[] positions() {
    return Arrays.copyOf(positions, computed);
  }

  /** Whether the last token was computed, {@code position} being its own. */
  boolean computed(int position) {
    return computed > 0 && positions[computed - 1] == position;
  }

  void clear() {
    seen = 0;
    chosen = 0;
    computed = 0;
    logSum = Double.NEGATIVE_INFINITY;
    committedLogSum = logSum;
    decided = false;
    selector.clear();
  }

  /**
   * Chooses among the rows {@code from} to {@code to} of a pass, whose first is at {@code position}.
   *
   * @param scores by which to choose
   * @param choice receives the chosen rows as those of the next sequence
   */
  void select(float[] scores, int from, int to, int position, boolean prompt, TileRows choice) {
    int at = choice.count();
    int n = selector.select(scores, from, to, position, prompt, choice.row, at);
    take(n, from, position, choice);
  }

  /** As {@link #select} for a sequence routed as a whole. */
  void selectSequence(int from, int to, int position, TileRows choice) {
    int n = new Selector.Every(runs).select(null, from, to, position, true, choice.row, choice.count());
    take(n, from, position, choice);
  }

  private void take(int n, int from, int position, TileRows choice) {
    int at = choice.count();
    if (chosen + n > positions.length) {
      positions = Arrays.copyOf(positions, Math.max(chosen + n, 2 * positions.length));
    }
    for (int i = 0; i < n; i++) {
      positions[chosen++] = position + choice.row[at + i] - from;
    }
    choice.addSequence(n);
  }

  /** Whether a sequence that is routed as a whole has its decision. */
  boolean isDecided() {
    return decided;
  }

  /** Decides for a sequence that is routed as a whole. */
  void decide(float score) {
    this.score = score;
    float[] scores = {score};
    runs = selector.select(scores, 0, 1, Integer.MAX_VALUE, true, new int[1], 0) == 1;
    decided = true;
  }

  /** The score of a sequence that is routed as a whole. */
  float score() {
    return score;
  }

  /**
   * Gates of tokens chosen in this pass, in their order.
   *
   * @param scores the router's, of all rows of the pass
   * @param from first row of the tile that is this sequence's; {@code to} is where they end
   * @param gates receives them, by row of the tile
   */
  void gates(float[] scores, TileRows choice, int from, int to, float[] gates) {
    if (gate == Gate.SOFTMAX) {
      softmax(scores, choice, from, to, gates);
      return;
    }
    for (int i = from; i < to; i++) {
      float r = scores[choice.row[i]];
      gates[i] = switch (gate) {
        case ONE, SOFTMAX -> 1;
        case SCORE -> r;
        case SIGMOID -> (float) Router.sigmoid(r);
        case TANH -> (float) (1 + 0.2 * Math.tanh(r));
      };
    }
  }

  private void softmax(float[] scores, TileRows choice, int from, int to, float[] gates) {
    // Top-k has the whole sequence before it; under another rule a token knows those before it.
    boolean wholeSequence = rule == Rule.TOPK;
    for (int i = from; wholeSequence && i < to; i++) {
      logSum = logAdd(logSum, scores[choice.row[i]]);
    }
    for (int i = from; i < to; i++) {
      float r = scores[choice.row[i]];
      if (!wholeSequence) {
        logSum = logAdd(logSum, r);
      }
      gates[i] = (float) Math.exp(r - logSum);
    }
  }

  private static double logAdd(double a, double b) {
    double max = Math.max(a, b);
    return max == Double.NEGATIVE_INFINITY ? max : max + Math.log1p(Math.exp(Math.min(a, b) - max));
  }

  /** What the pass chose holds: it computed so many tokens of the sequence. */
  void commit(int tokens) {
    seen += tokens;
    computed = chosen;
    committedLogSum = logSum;
  }

  /** Forgets what the pass chose. */
  void rollBack() {
    chosen = computed;
    logSum = committedLogSum;
    decided &= seen > 0;
  }
}
