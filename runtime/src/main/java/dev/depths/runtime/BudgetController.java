package dev.depths.runtime;

import java.util.function.LongSupplier;

/**
 * Keeps decoded tokens within a time by moving the thresholds of a sequence. It estimates how many times slower tokens are
 * than the dial expects of the setting that they ran at, as an exponential moving average, and goes to the highest capacity
 * of the dial at which a token that much slower fits the budget. An estimate of what does not depend on the setting cannot
 * swing with it. What is slower may be the machine, a longer context, or a text whose scores are higher than the
 * calibration's. Allocates nothing.
 */
final class BudgetController {
  /** A new token has the weight of one of so many. */
  private static final int MEMORY = 16;
  /** A token counts as so many times as slow as expected at most: a pause of the machine says little about the next one. */
  private static final double MOST = 2;

  private final Dial dial;
  private final double millis;
  private final LongSupplier nanoTime;
  private final double[] thresholds;
  private double capacity;
  /** Milliseconds per unit of the dial's time. */
  private double slowness;
  private long begun;
  private long tokens;
  private double sumMillis;
  private double sumCapacity;
  private double leastCapacity;
  private double mostCapacity;

  /** @param nanoTime a clock, in nanoseconds */
  BudgetController(Dial dial, double millis, LongSupplier nanoTime) {
    this.dial = dial;
    this.millis = millis;
    this.nanoTime = nanoTime;
    this.thresholds = new double[dial.blocks()];
    clear();
  }

  /** Those that the sequence's next decisions are made by, one for each routed block. */
  double[] thresholds() {
    return thresholds;
  }

  /** Begins anew. */
  void clear() {
    tokens = 0;
    sumMillis = 0;
    sumCapacity = 0;
    slowness = dial.speeds().isPresent() ? 1 : 0;
    // Without speeds the first token says how fast the machine is.
    set(slowness == 0 ? dial.most() : dial.capacityWithin(millis));
    leastCapacity = capacity;
    mostCapacity = capacity;
  }

  /** A token's pass begins. */
  void begin() {
    begun = nanoTime.getAsLong();
  }

  /** The token is computed: the next one has the thresholds that suit. */
  void end() {
    double took = (nanoTime.getAsLong() - begun) / 1e6;
    tokens++;
    sumMillis += took;
    sumCapacity += capacity;
    leastCapacity = Math.min(leastCapacity, capacity);
    mostCapacity = Math.max(mostCapacity, capacity);
    double ratio = took / dial.time(capacity);
    if (slowness == 0) {
      slowness = ratio;
    } else {
      // Without speeds to begin with the first tokens weigh as much as each other.
      double weight = 1.0 / (dial.speeds().isPresent() ? MEMORY : Math.min(MEMORY, tokens));
      slowness += weight * (Math.min(ratio, MOST * slowness) - slowness);
    }
    set(dial.capacityWithin(millis / slowness));
  }

  private void set(double to) {
    capacity = to;
    dial.thresholds(to, thresholds);
  }

  double capacity() {
    return capacity;
  }

  /** What was used until now; of no token, what the next one will be computed with. */
  BudgetUse use() {
    double mean = tokens == 0 ? capacity : sumCapacity / tokens;
    return new BudgetUse(
        millis, tokens, tokens == 0 ? 0 : sumMillis / tokens, leastCapacity, mostCapacity, dial.capacity(mean));
  }
}
