package dev.depths.tools;

import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Sampling;
import dev.depths.runtime.SessionOptions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How text is generated, with llama.cpp's names and defaults. */
final class GenerationArgs {
  /** The API's names of what the options set, for its messages. */
  private static final Map<String, String> OPTIONS = Map.of(
      "temperature", "--temp", "topK", "--top-k", "topP", "--top-p", "minP", "--min-p",
      "repeatPenalty", "--repeat-penalty", "repeatLast", "--repeat-last-n");

  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Option(names = "--temp", paramLabel = "T", defaultValue = "0.8",
      description = "Temperature; 0 takes the most likely token. Default: ${DEFAULT-VALUE}.")
  float temperature;

  @Option(names = "--top-k", paramLabel = "K", defaultValue = "40",
      description = "Keep the K most likely tokens; 0 keeps all. Default: ${DEFAULT-VALUE}.")
  int topK;

  @Option(names = "--top-p", paramLabel = "P", defaultValue = "0.95",
      description = "Keep the most likely tokens whose probability reaches P. Default: ${DEFAULT-VALUE}.")
  float topP;

  @Option(names = "--min-p", paramLabel = "P", defaultValue = "0.05",
      description = "Keep tokens at least P times as likely as the most likely. Default: ${DEFAULT-VALUE}.")
  float minP;

  @Option(names = "--repeat-penalty", paramLabel = "R", defaultValue = "1.0",
      description = "Penalty on tokens of the last --repeat-last-n; 1 for none. Default: ${DEFAULT-VALUE}.")
  float repeatPenalty;

  @Option(names = "--repeat-last-n", paramLabel = "N", defaultValue = "64",
      description = "How many tokens the penalty looks back. Default: ${DEFAULT-VALUE}.")
  int repeatLast;

  @Option(names = "--seed", paramLabel = "S", description = "Seed of the draw; random without it, or if -1.")
  Long seed;

  @Option(names = {"-c", "--ctx"}, paramLabel = "N", defaultValue = "0",
      description = "Most tokens of prompt and text together; 0 for the model's own limit. Default: ${DEFAULT-VALUE}.")
  int context;

  @Option(names = "--stop", paramLabel = "TEXT", description = "Text that ends the generation; may be repeated.")
  List<String> stop = List.of();

  /** The options of a generation of at most {@code tokens} tokens, or as many as fit if that is -1. */
  GenerateOptions options(int tokens) {
    if (tokens < -1) {
      throw usage("-n must be at least 0, or -1, not " + tokens);
    }
    try {
      Sampling sampling = new Sampling(temperature, topK, topP, minP, repeatPenalty, repeatLast, drawnSeed());
      return new GenerateOptions(tokens < 0 ? Integer.MAX_VALUE : tokens, sampling, stop, false);
    } catch (IllegalArgumentException e) {
      throw usage(withOptionNames(e.getMessage()));
    }
  }

  /** The options of the session. */
  SessionOptions sessionOptions() {
    if (context < 0) {
      throw usage("--ctx must not be negative, not " + context);
    }
    return SessionOptions.defaults().withContextLength(context);
  }

  private long drawnSeed() {
    return seed == null || seed == -1 ? ThreadLocalRandom.current().nextInt(Integer.MAX_VALUE) : seed;
  }

  private static String withOptionNames(String message) {
    String name = message.substring(0, Math.max(0, message.indexOf(' ')));
    return OPTIONS.getOrDefault(name, name) + message.substring(name.length());
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
