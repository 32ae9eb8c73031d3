package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Rule;
import java.util.List;
import java.util.OptionalDouble;

/**
 * A setting of a {@link Dial}: thresholds, and what is to be expected of them. Between calibrated points everything is
 * interpolated linearly.
 *
 * @param rule whose scores the thresholds are on
 * @param thresholds for each routed block, on the sigmoid of its scores
 * @param capacity the share of (token, routed part) pairs that is computed, in [0, 1]
 * @param kl mean Kullback-Leibler divergence from the dense model, in nats per token
 * @param perplexity of the calibration's text
 * @param bytesRead weight bytes that a decoded token reads, as a share of the dense model's
 * @param speedup of decoding against the dense model: measured if the times are there, else what reading less is worth at most
 * @param decodeMillis time of a decoded token, in milliseconds; empty if it was not measured on this machine
 * @param prefillMillis likewise of a prompt's
 * @param met whether it is what was wished for, and not only the nearest to it
 */
public record Setting(Rule rule, List<Double> thresholds, double capacity, double kl, double perplexity, double bytesRead,
    double speedup, OptionalDouble decodeMillis, OptionalDouble prefillMillis, boolean met) {
  public Setting {
    thresholds = List.copyOf(thresholds);
  }
}
