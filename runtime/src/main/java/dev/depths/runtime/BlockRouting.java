package dev.depths.runtime;

import java.util.SplittableRandom;

/** Which tokens of a pass a block computes, by the session's routing; and what it chose so far. */
final class BlockRouting {
  private final Router router;
  private final Routing routing;
  private final int block;
  private SplittableRandom random;
  private long seen;
  private long computed;

  /**
   * @param router the block's router, or null
   * @param routing what the session asks for; for this block it is not dense
   */
  BlockRouting(Router router, Routing routing, int block) {
    this.router = router;
    this.routing = routing;
    this.block = block;
    clear();
  }

  long seen() {
    return seen;
  }

  long computed() {
    return computed;
  }

  void clear() {
    seen = 0;
    computed = 0;
    // A stream of its own for each block, so that they choose independently.
    random = routing instanceof Routing.Stochastic s ? new SplittableRandom(s.seed() * 31 + block) : null;
  }

  /** Takes note of a pass that was completed. */
  void count(int tokens, int chosen) {
    seen += tokens;
    computed += chosen;
  }

  /**
   * Chooses among the tokens of a pass.
   *
   * @param scores the router's, or null
   * @param firstPosition position of the first token
   * @param chosen receives the rows to compute, ascending
   * @return how many
   */
  int select(float[] scores, int rows, int firstPosition, int[] chosen) {
    if (routing instanceof Routing.Dense) {
      return all(rows, chosen);
    }
    if (routing instanceof Routing.Stochastic s) {
      return sample(s.rate(), rows, chosen);
    }
    int n = 0;
    for (int r = 0; r < rows; r++) {
      if (router.selects(scores[r], firstPosition + r)) {
        chosen[n++] = r;
      }
    }
    return n;
  }

  private static int all(int rows, int[] chosen) {
    for (int r = 0; r < rows; r++) {
      chosen[r] = r;
    }
    return rows;
  }

  /** An exact share, its fraction by chance, each subset as likely (Knuth, TAOCP 3.4.2, algorithm S). */
  private int sample(double rate, int rows, int[] chosen) {
    int wanted = (int) Math.min(rows, Math.floor(rate * rows + random.nextDouble()));
    int n = 0;
    for (int r = 0; r < rows && n < wanted; r++) {
      if (random.nextDouble() * (rows - r) < wanted - n) {
        chosen[n++] = r;
      }
    }
    return n;
  }
}
