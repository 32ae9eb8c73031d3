package dev.depths.runtime;

import java.util.Arrays;
import java.util.SplittableRandom;

/** Draws tokens by a {@link Sampling}. Keeps its arrays, so that drawing allocates nothing. */
final class Sampler {
  private final Sampling sampling;
  private final SplittableRandom random;
  private final int[] recent;
  private int recentCount;
  private final float[] unpenalized;
  /** Candidates, most likely first: logits, then probabilities. */
  private final float[] values;
  private final int[] ids;
  private final long[] sortKeys;

  Sampler(Sampling sampling, int vocabulary) {
    this.sampling = sampling;
    this.random = new SplittableRandom(sampling.seed());
    this.recent = new int[sampling.repeatLast()];
    this.unpenalized = new float[recent.length];
    int k = sampling.topK() == 0 ? vocabulary : Math.min(sampling.topK(), vocabulary);
    boolean greedy = sampling.temperature() <= 0;
    this.values = new float[greedy ? 0 : k];
    this.ids = new int[greedy ? 0 : k];
    this.sortKeys = new long[!greedy && k == vocabulary ? vocabulary : 0];
  }

  /** Takes note of a token of the prompt or of one drawn, for the repeat penalty. */
  void accept(int token) {
    if (recent.length > 0) {
      recent[recentCount++ % recent.length] = token;
    }
  }

  /** Draws a token. */
  int next(float[] logits, int vocabulary) {
    penalize(logits);
    int token = sampling.temperature() <= 0 ? argMax(logits, vocabulary) : draw(minP(topP(topK(logits, vocabulary))));
    restore(logits);
    return token;
  }

  static int argMax(float[] logits, int n) {
    int best = 0;
    for (int i = 1; i < n; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  private void penalize(float[] logits) {
    float penalty = sampling.repeatPenalty();
    int n = penalty == 1 ? 0 : Math.min(recentCount, recent.length);
    for (int i = 0; i < n; i++) {
      unpenalized[i] = logits[recent[i]];
      if (firstOf(recent[i]) == i) {
        logits[recent[i]] = unpenalized[i] > 0 ? unpenalized[i] / penalty : unpenalized[i] * penalty;
      }
    }
  }

  /** Puts the model's own logits back, in reverse: a token may be among the recent ones twice. */
  private void restore(float[] logits) {
    int n = sampling.repeatPenalty() == 1 ? 0 : Math.min(recentCount, recent.length);
    for (int i = n - 1; i >= 0; i--) {
      logits[recent[i]] = unpenalized[i];
    }
  }

  private int firstOf(int token) {
    int i = 0;
    while (recent[i] != token) {
      i++;
    }
    return i;
  }

  /** Puts the k largest logits into {@link #values}, descending; of equal ones the lower token first. */
  private int topK(float[] logits, int vocabulary) {
    if (ids.length == vocabulary) {
      sortAll(logits, vocabulary);
      return vocabulary;
    }
    int n = 0;
    for (int i = 0; i < vocabulary; i++) {
      float logit = logits[i];
      if (n == ids.length && !(logit > values[n - 1])) {
        continue;
      }
      int at = n < ids.length ? n++ : n - 1;
      while (at > 0 && values[at - 1] < logit) {
        values[at] = values[at - 1];
        ids[at] = ids[at - 1];
        at--;
      }
      values[at] = logit;
      ids[at] = i;
    }
    return n;
  }

  private void sortAll(float[] logits, int vocabulary) {
    for (int i = 0; i < vocabulary; i++) {
      // Float bits in an order that sorts as ints do, descending; then the token.
      int bits = Float.floatToIntBits(logits[i]);
      int ascending = bits ^ bits >> 31 & 0x7fffffff;
      sortKeys[i] = (long) ~ascending << 32 | i;
    }
    Arrays.sort(sortKeys);
    for (int i = 0; i < vocabulary; i++) {
      ids[i] = (int) sortKeys[i];
      values[i] = logits[ids[i]];
    }
  }

  private int topP(int n) {
    if (sampling.topP() >= 1) {
      return n;
    }
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.exp(values[i] - values[0]);
    }
    double kept = 0;
    for (int i = 0; i < n; i++) {
      kept += Math.exp(values[i] - values[0]);
      if (kept >= sampling.topP() * sum) {
        return i + 1;
      }
    }
    return n;
  }

  private int minP(int n) {
    if (sampling.minP() <= 0) {
      return n;
    }
    double bound = values[0] + Math.log(sampling.minP());
    int kept = 1;
    while (kept < n && values[kept] >= bound) {
      kept++;
    }
    return kept;
  }

  private int draw(int n) {
    double sum = 0;
    float first = values[0];
    for (int i = 0; i < n; i++) {
      values[i] = (float) Math.exp((values[i] - first) / sampling.temperature());
      sum += values[i];
    }
    double at = random.nextDouble() * sum;
    for (int i = 0; i < n; i++) {
      at -= values[i];
      if (at < 0) {
        return ids[i];
      }
    }
    return ids[n - 1];
  }
}
