package dev.depths.tools;

/** What each scored position says of a model, and of how it compares with a reference. */
final class PerplexityScores {
  private final double[] losses;
  private final double[] referenceLosses;
  private final double[] divergences;
  private int added;
  private int sameTop;

  /** @param positions how many will be added */
  PerplexityScores(int positions) {
    losses = new double[positions];
    referenceLosses = new double[positions];
    divergences = new double[positions];
  }

  /** Adds a position without a reference. */
  void add(int token, Distribution tested) {
    losses[added++] = tested.loss(token);
  }

  /**
   * Adds a position.
   *
   * @param token the one that the text goes on with
   */
  void add(int token, Distribution tested, Distribution reference) {
    referenceLosses[added] = reference.loss(token);
    divergences[added] = tested.divergenceFrom(reference);
    sameTop += tested.top() == reference.top() ? 1 : 0;
    add(token, tested);
  }

  Perplexity perplexity() {
    return Perplexity.of(losses);
  }

  Perplexity referencePerplexity() {
    return Perplexity.of(referenceLosses);
  }

  /** Kullback-Leibler divergences from the reference, in nats. */
  double[] divergences() {
    return divergences;
  }

  /** Share of the positions whose most likely token is the reference's. */
  double sameTopShare() {
    return (double) sameTop / added;
  }

  /**
   * The exponential of the mean loss.
   *
   * @param standardError of the value, to first order
   */
  record Perplexity(double value, double standardError) {
    private static Perplexity of(double[] losses) {
      double value = Math.exp(Statistics.mean(losses));
      return new Perplexity(value, value * Statistics.standardError(losses));
    }
  }
}
