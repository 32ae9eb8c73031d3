package dev.depths.tools;

import java.time.Instant;
import java.util.Arrays;

/**
 * What the repetitions of a test measured.
 *
 * @param time when the test began
 * @param tokens measured in each repetition
 * @param nanos time of each repetition
 * @param weightBytes bytes of weights read in all of them
 * @param blocksRun (token, block) pairs computed in all of them
 * @param blocksSkipped pairs skipped in all of them
 */
record BenchSamples(Instant time, int tokens, long[] nanos, long weightBytes, long blocksRun, long blocksSkipped) {
  /** Tokens per second of each repetition. */
  double[] rates() {
    return Arrays.stream(nanos).mapToDouble(ns -> tokens * 1e9 / ns).toArray();
  }

  double meanRate() {
    return Statistics.mean(rates());
  }

  double rateDeviation() {
    return Statistics.deviation(rates());
  }

  double meanNanos() {
    return Statistics.mean(Arrays.stream(nanos).asDoubleStream().toArray());
  }

  double nanosDeviation() {
    return Statistics.deviation(Arrays.stream(nanos).asDoubleStream().toArray());
  }

  /** Gigabytes (10^9) of weights really read per second. */
  double gigabytesPerSecond() {
    return (double) weightBytes / Arrays.stream(nanos).sum();
  }

  /** Share of the (token, block) pairs that was computed. */
  double shareRun() {
    long all = blocksRun + blocksSkipped;
    return all == 0 ? 1 : (double) blocksRun / all;
  }
}
