package dev.depths.tools;

import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Model;
import dev.depths.runtime.Sampling;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/** How text is generated, with llama.cpp's names and defaults. */
final class GenerationArgs {
  /** The API's names of what the options set, for its messages. */
  private static final Map<String, String> OPTIONS = Map.of(
      "temperature", "--temp", "topK", "--top-k", "topP", "--top-p", "minP", "--min-p",
      "repeatPenalty", "--repeat-penalty", "repeatLast", "--repeat-last-n");

  private final Command command;
  private final Arg<Float> temperature;
  private final Arg<Integer> topK;
  private final Arg<Float> topP;
  private final Arg<Float> minP;
  private final Arg<Float> repeatPenalty;
  private final Arg<Integer> repeatLast;
  private final Arg<Long> seed;
  private final Arg<Integer> context;
  private final Arg<List<String>> stop;
  private final SelectionArg selection;
  private final DialArgs dial;

  /** Adds the options to a command. */
  GenerationArgs(Command command) {
    this.command = command;
    temperature = Arg.option(float.class, "--temp").label("T").orElse(0.8)
        .addTo(command, "Temperature; 0 takes the most likely token. Default: ${DEFAULT-VALUE}.");
    topK = Arg.option(int.class, "--top-k").label("K").orElse(40)
        .addTo(command, "Keep the K most likely tokens; 0 keeps all. Default: ${DEFAULT-VALUE}.");
    topP = Arg.option(float.class, "--top-p").label("P").orElse(0.95)
        .addTo(command, "Keep the most likely tokens whose probability reaches P. Default: ${DEFAULT-VALUE}.");
    minP = Arg.option(float.class, "--min-p").label("P").orElse(0.05)
        .addTo(command, "Keep tokens at least P times as likely as the most likely. Default: ${DEFAULT-VALUE}.");
    repeatPenalty = Arg.option(float.class, "--repeat-penalty").label("R").orElse(1.0)
        .addTo(command, "Penalty on tokens of the last --repeat-last-n; 1 for none. Default: ${DEFAULT-VALUE}.");
    repeatLast = Arg.option(int.class, "--repeat-last-n").label("N").orElse(64)
        .addTo(command, "How many tokens the penalty looks back. Default: ${DEFAULT-VALUE}.");
    seed = Arg.option(Long.class, "--seed").label("S")
        .addTo(command, "Seed of the draw; random without it, or if -1.");
    context = Arg.option(int.class, "-c", "--ctx").label("N").orElse(0)
        .addTo(command, "Most tokens of prompt and text together; 0 for the model's own limit. Default: ${DEFAULT-VALUE}.");
    stop = Arg.repeatable(String.class, "--stop").label("TEXT")
        .addTo(command, "Text that ends the generation; may be repeated.");
    selection = SelectionArg.forGeneration(command);
    dial = new DialArgs(command);
  }

  /** The options of a generation of at most {@code tokens} tokens, or as many as fit if that is -1. */
  GenerateOptions options(int tokens) {
    if (tokens < -1) {
      throw command.usage("-n must be at least 0, or -1, not " + tokens);
    }
    try {
      Sampling sampling = new Sampling(temperature.value(), topK.value(), topP.value(), minP.value(),
          repeatPenalty.value(), repeatLast.value(), drawnSeed());
      List<String> stops = stop.value() == null ? List.of() : stop.value();
      return new GenerateOptions(tokens < 0 ? Integer.MAX_VALUE : tokens, sampling, stops, false);
    } catch (IllegalArgumentException e) {
      throw command.usage(withOptionNames(e.getMessage()));
    }
  }

  /** The options of the session, but for what {@link #dial} chooses. */
  SessionOptions sessionOptions() {
    dial.check();
    if (dial.isGiven() && selection.isGiven()) {
      throw command.usage("--selection and " + DialArgs.OPTIONS + " exclude each other: a calibration says by which scores");
    }
    if (context.value() < 0) {
      throw command.usage("--ctx must not be negative, not " + context.value());
    }
    return SessionOptions.defaults().withContextLength(context.value()).withRouting(selection.routing());
  }

  /** The setting of the model's dial; empty if there is nothing to say of it. See {@link DialArgs#choose}. */
  Optional<DialChoice> dial(Model opened) throws IOException {
    return selection.isGiven() ? Optional.empty() : dial.choose(opened, command.streams);
  }

  private long drawnSeed() {
    Long given = seed.value();
    return given == null || given == -1 ? ThreadLocalRandom.current().nextInt(Integer.MAX_VALUE) : given;
  }

  private static String withOptionNames(String message) {
    String name = message.substring(0, Math.max(0, message.indexOf(' ')));
    return OPTIONS.getOrDefault(name, name) + message.substring(name.length());
  }
}
