package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Rule;
import java.util.List;

/**
 * Which tokens the routed blocks compute: as the model's routers say, all of them, or, as a control without any claim of
 * quality, a random share with the same kernels.
 */
public sealed interface Routing {
  /** As the model's routers say under its causal rule; a dense model computes everything. */
  static Routing model() {
    return new Learned(null);
  }

  /**
   * As the model's routers say under a given rule. Under {@link Rule#TOPK} a session takes one whole sequence and no token
   * after it: the choice depends on all of them, so it is for scoring.
   */
  static Routing model(Rule rule) {
    return new Learned(rule);
  }

  /**
   * As the model's routers or predictors say, with other thresholds than the model's, for prompts too.
   *
   * @param rule whose scores the thresholds are on, {@link Rule#THRESHOLD} or {@link Rule#PREDICTOR}
   * @param thresholds for each routed block, on the sigmoid of its scores
   */
  static Routing thresholds(Rule rule, List<Double> thresholds) {
    return new Thresholds(rule, thresholds);
  }

  /** As {@link #thresholds} with those of a {@link Dial}'s setting. */
  static Routing dial(Setting setting) {
    return thresholds(setting.rule(), setting.thresholds());
  }

  /**
   * As {@link #dial}, with a setting that follows the time that decoded tokens take, so that they keep a budget: within the
   * bounds of the dial, and on average. Decisions that were made stay. What is computed depends on the machine's speed then.
   *
   * @param millis time of a decoded token's pass, in milliseconds
   */
  static Routing budget(Dial dial, double millis) {
    return new Budget(dial, millis);
  }

  /** Every token runs every block. */
  static Routing dense() {
    return new Dense();
  }

  /** No token runs a routed part, not even the first: what the blocks that always run are worth alone. */
  static Routing allSkip() {
    return new AllSkip();
  }

  /**
   * The stochastic-router control: each routed block computes a random share of a prefill's tokens, and a decoded token
   * with that probability. A model without routed blocks is treated as if every other block (1, 3, 5, ...) were routed.
   *
   * @param rate share of tokens computed, in [0, 1]
   * @param seed of the choice
   */
  static Routing random(double rate, long seed) {
    return new Stochastic(rate, seed);
  }

  /**
   * See {@link #model()}.
   *
   * @param rule null for the model's causal one
   */
  record Learned(Rule rule) implements Routing {}

  /** See {@link #thresholds(Rule, List)}. */
  record Thresholds(Rule rule, List<Double> thresholds) implements Routing {
    public Thresholds {
      thresholds = List.copyOf(thresholds);
      if (rule == Rule.TOPK) {
        throw new IllegalArgumentException("top-k has no thresholds");
      }
    }
  }

  /** See {@link #budget(Dial, double)}. */
  record Budget(Dial dial, double millis) implements Routing {
    public Budget {
      if (!(millis > 0 && millis < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("a budget must be above 0, not " + millis + " ms");
      }
    }
  }

  /** See {@link #allSkip()}. */
  record AllSkip() implements Routing {}

  /** See {@link #dense()}. */
  record Dense() implements Routing {}

  /** See {@link #random(double, long)}. */
  record Stochastic(double rate, long seed) implements Routing {
    public Stochastic {
      if (!(rate >= 0 && rate <= 1)) {
        throw new IllegalArgumentException("rate must be in [0, 1], not " + rate);
      }
    }
  }
}
