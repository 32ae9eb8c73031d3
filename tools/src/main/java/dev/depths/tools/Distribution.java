package dev.depths.tools;

/** The distribution of the next token, a softmax of logits, in double precision. */
final class Distribution {
  private final double[] logProbabilities;
  private int top;

  Distribution(int vocabulary) {
    this.logProbabilities = new double[vocabulary];
  }

  /**
   * Becomes the distribution that logits give.
   *
   * @param logits at least as many as the vocabulary has tokens; further ones are ignored
   * @throws CommandException if one is not finite
   */
  Distribution set(float[] logits) {
    int n = logProbabilities.length;
    top = 0;
    for (int i = 0; i < n; i++) {
      if (!Float.isFinite(logits[i])) {
        throw new CommandException("a model's logit for token " + i + " is " + logits[i]);
      }
      if (logits[i] > logits[top]) {
        top = i;
      }
    }
    // Less the greatest, so that no power overflows.
    double max = logits[top];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += Math.exp(logits[i] - max);
    }
    double logSumExp = max + Math.log(sum);
    for (int i = 0; i < n; i++) {
      logProbabilities[i] = logits[i] - logSumExp;
    }
    return this;
  }

  /** The most likely token. */
  int top() {
    return top;
  }

  /** How surprising a token is, in nats. */
  double loss(int token) {
    return -logProbabilities[token];
  }

  /** The Kullback-Leibler divergence D(reference ‖ this), in nats. */
  double divergenceFrom(Distribution reference) {
    double sum = 0;
    for (int i = 0; i < logProbabilities.length; i++) {
      double log = reference.logProbabilities[i];
      sum += Math.exp(log) * (log - logProbabilities[i]);
    }
    // It is never negative; rounding may make a tiny one so.
    return Math.max(0, sum);
  }
}
