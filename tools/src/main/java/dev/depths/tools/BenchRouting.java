package dev.depths.tools;

import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A routing to measure.
 *
 * @param text as the user wrote it
 * @param routing what it means
 * @param expectedKl the divergence from the dense model that a calibration lets expect, in nats per token
 */
record BenchRouting(String text, Routing routing, OptionalDouble expectedKl) {
  private static final Pattern RANDOM = Pattern.compile("random:([^:]+)(?::(-?\\d+))?");

  static final String VALUES = "model, dense, all-skip, topk, threshold, predictor";

  /** Reads one of {@link #VALUES} or {@code random:RATE[:SEED]}. */
  static BenchRouting parse(String text, Command command) {
    try {
      return new BenchRouting(text, routing(text), OptionalDouble.empty());
    } catch (IllegalArgumentException e) {
      throw command.usage(
          "--routing must be one of " + VALUES + ", or random:RATE[:SEED] with a rate in [0, 1], not '" + text + "'", e);
    }
  }

  /** The setting of a dial. */
  static BenchRouting of(DialChoice choice) {
    return new BenchRouting(
        choice.wish().replace(" --", ",").replace("--", "").replace(' ', ':'), choice.routing(), OptionalDouble.of(choice.setting().kl()));
  }

  private static Routing routing(String text) {
    Matcher random = RANDOM.matcher(text);
    if (random.matches()) {
      long seed = random.group(2) == null ? 0 : Long.parseLong(random.group(2));
      return Routing.random(Double.parseDouble(random.group(1)), seed);
    }
    return switch (text) {
      case "model" -> Routing.model();
      case "dense" -> Routing.dense();
      case "all-skip" -> Routing.allSkip();
      case "topk", "threshold", "predictor" -> Routing.model(Rule.valueOf(text.toUpperCase(Locale.ROOT)));
      default -> throw new IllegalArgumentException(text);
    };
  }

  /** What it means for scoring, where {@code model} is the rule that the model was trained with. */
  Routing forScoring(Model model) {
    return text.equals("model") ? SelectionArg.trained(model) : routing;
  }
}
