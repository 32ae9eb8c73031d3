package dev.depths.tools;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** How many threads compute. */
final class ThreadArgs {
  private final CommandSpec spec;
  private final Arg<Integer> threads;

  /** Adds the options to a command. */
  ThreadArgs(CommandSpec spec) {
    this.spec = spec;
    threads = Arg.option(Integer.class, "-t", "--threads").label("N")
        .addTo(spec, "Threads that compute; one per core without it.");
  }

  /** The number of threads. */
  int count() {
    if (threads.value() == null) {
      return Runtime.getRuntime().availableProcessors();
    }
    if (threads.value() < 1) {
      throw new ParameterException(spec.commandLine(), "--threads must be at least 1, not " + threads.value());
    }
    return threads.value();
  }
}
