package dev.depths.tools;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How many threads compute. */
final class ThreadArgs {
  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Option(names = {"-t", "--threads"}, paramLabel = "N", description = "Threads that compute; one per core without it.")
  Integer threads;

  /** The number of threads. */
  int count() {
    if (threads == null) {
      return Runtime.getRuntime().availableProcessors();
    }
    if (threads < 1) {
      throw new ParameterException(spec.commandLine(), "--threads must be at least 1, not " + threads);
    }
    return threads;
  }
}
