package dev.depths.tools;

import dev.depths.loader.ModDescriptor;
import dev.depths.runtime.Dial;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Setting;
import java.io.IOException;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How much quality to give for speed: a wish, for which a calibrated model has thresholds. */
final class DialArgs {
  /** All of them, for messages. */
  static final String OPTIONS = "--capacity, --speedup, --budget, --max-kl";
  private static final Pattern MILLIS = Pattern.compile("(\\d+(?:\\.\\d*)?|\\.\\d+)\\s*(?:ms)?");

  private final Command command;
  private final Arg<Double> capacity;
  private final Arg<Double> speedup;
  private final Arg<String> budget;
  private final Arg<Double> maxKl;

  /** Adds the options to a command. */
  DialArgs(Command command) {
    this.command = command;
    capacity = Arg.option(Double.class, "--capacity").label("C")
        .addTo(command, "Compute that share of the routed blocks' work. This and the next three need a calibrated model "
            + "(depths calibrate).");
    speedup = Arg.option(Double.class, "--speedup").label("X")
        .addTo(command, "Skip so much that tokens are generated X times as fast as by the dense model.");
    budget = Arg.option(String.class, "--budget").label("MS")
        .addTo(command, "Skip so much that a generated token takes so long, as 8ms, and follow the time while generating.");
    maxKl = Arg.option(Double.class, "--max-kl").label("D")
        .addTo(command, "Skip as much as keeps the divergence from the dense model to D nats per token; with --speedup or "
            + "--budget no more than that.");
  }

  /** The options' contradictions, found before anything is opened. */
  void check() {
    int wishes = (capacity.value() == null ? 0 : 1) + (speedup.value() == null ? 0 : 1) + (budget.value() == null ? 0 : 1);
    if (wishes > 1) {
      throw command.usage("--capacity, --speedup and --budget exclude each other");
    }
    if (capacity.value() != null && maxKl.value() != null) {
      throw command.usage("--capacity and --max-kl exclude each other");
    }
    if (capacity.value() != null && !(capacity.value() > 0 && capacity.value() <= 1)) {
      throw command.usage("--capacity must be above 0, up to 1, not " + capacity.value());
    }
    if (speedup.value() != null && !(speedup.value() > 0 && speedup.value() < Double.POSITIVE_INFINITY)) {
      throw command.usage("--speedup must be above 0, not " + speedup.value());
    }
    if (maxKl.value() != null && !(maxKl.value() >= 0)) {
      throw command.usage("--max-kl must be at least 0, not " + maxKl.value());
    }
    millis();
  }

  /** Whether one of the options was given. */
  boolean isGiven() {
    return capacity.value() != null || speedup.value() != null || budget.value() != null || maxKl.value() != null;
  }

  /** Whether the time of tokens is to be kept. */
  boolean hasBudget() {
    return budget.value() != null;
  }

  private OptionalDouble millis() {
    if (budget.value() == null) {
      return OptionalDouble.empty();
    }
    Matcher number = MILLIS.matcher(budget.value());
    double millis = number.matches() ? Double.parseDouble(number.group(1)) : 0;
    if (millis == 0) {
      throw command.usage("--budget must be milliseconds per token, as 8ms, not '" + budget.value() + "'");
    }
    return OptionalDouble.of(millis);
  }

  /** The failure of a wish to a model without calibration. */
  static CommandException notCalibrated(String option) {
    return new CommandException(option + " needs a calibration, which the model does not have: 'depths calibrate' makes it");
  }

  /**
   * What was wished for, or else, of a calibrated model, where its own thresholds are on the dial. What cannot be met is told.
   *
   * @return empty if there is nothing to say
   * @throws CommandException if there is a wish and the model is not calibrated
   */
  Optional<DialChoice> choose(Model opened, Streams streams) throws IOException {
    Optional<Dial> found = opened.dial();
    if (found.isEmpty()) {
      if (isGiven()) {
        throw notCalibrated(wish());
      }
      return Optional.empty();
    }
    Dial calibrated = found.get();
    if (!isGiven()) {
      ModDescriptor mod = opened.mod().orElseThrow();
      return calibrated.own(mod.selection())
          .map(setting -> new DialChoice("model", setting, calibrated, Routing.model()));
    }
    Dial dial = SpeedsFile.read(opened).map(calibrated::withSpeeds).orElse(calibrated);
    if (dial.speeds().isEmpty() && (speedup.value() != null || budget.value() != null)) {
      streams.err().println("note: the speed of this model was not measured on this machine with " + opened.options().threads()
          + " threads, so it is expected to go by weight bytes; 'depths calibrate --speed-only' measures it");
    }
    return Optional.of(choose(dial, streams));
  }

  private DialChoice choose(Dial whole, Streams streams) {
    Dial dial = whole;
    if (maxKl.value() != null) {
      Setting bound = whole.maxKl(maxKl.value());
      tell("--max-kl " + shown(maxKl.value()), bound, String.format(Locale.ROOT, "a KL of %.4f", bound.kl()), streams);
      if (speedup.value() == null && budget.value() == null) {
        return new DialChoice(wish(), bound, whole, Routing.dial(bound));
      }
      dial = whole.withLeast(bound.capacity());
    }
    if (budget.value() != null) {
      double millis = millis().getAsDouble();
      Setting start = dial.speeds().isPresent() ? dial.budget(millis) : dial.capacity(dial.most());
      tell(wish(), start, String.format(Locale.ROOT, "%.2f ms per token", start.decodeMillis().orElse(0)), streams);
      return new DialChoice(wish(), start, dial, Routing.budget(dial, millis));
    }
    Setting setting = speedup.value() != null ? dial.speedup(speedup.value()) : dial.capacity(capacity.value());
    String nearest = speedup.value() != null ? String.format(Locale.ROOT, "%.2f times dense speed", setting.speedup())
        : "the calibration's end";
    tell(wish(), setting, nearest, streams);
    return new DialChoice(wish(), setting, dial, Routing.dial(setting));
  }

  private static void tell(String wish, Setting setting, String nearest, Streams streams) {
    if (!setting.met()) {
      streams.err().printf(Locale.ROOT, "note: %s cannot be met; the nearest is %s, at capacity %.3f (KL %.4f)%n", wish,
          nearest, setting.capacity(), setting.kl());
    }
  }

  /** The options as they were given. */
  private String wish() {
    String bound = maxKl.value() == null ? "" : "--max-kl " + shown(maxKl.value());
    String wish = capacity.value() != null ? "--capacity " + shown(capacity.value())
        : speedup.value() != null ? "--speedup " + shown(speedup.value())
        : budget.value() != null ? "--budget " + budget.value() : "";
    return (wish + " " + bound).strip();
  }

  private static String shown(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
