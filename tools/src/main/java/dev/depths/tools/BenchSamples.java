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
    return mean(rates());
  }

  double rateDeviation() {
    return deviation(rates());
  }

  double meanNanos() {
    return mean(Arrays.stream(nanos).asDoubleStream().toArray());
  }

  double nanosDeviation() {
    return deviation(Arrays.stream(nanos).asDoubleStream().toArray());
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

  private static double mean(double[] values) {
    return Arrays.stream(values).sum() / values.length;
  }

  /** Sample standard deviation; 0 for a single value. */
  private static double deviation(double[] values) {
    if (values.length < 2) {
      return 0;
    }
    double mean = mean(values);
    return Math.sqrt(Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum() / (values.length - 1));
  }
}
