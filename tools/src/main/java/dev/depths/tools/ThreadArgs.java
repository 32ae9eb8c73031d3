package dev.depths.tools;


/** How many threads compute. */
final class ThreadArgs {
  private final Command command;
  private final Arg<Integer> threads;

  /** Adds the options to a command. */
  ThreadArgs(Command command) {
    this.command = command;
    threads = Arg.option(Integer.class, "-t", "--threads").label("N")
        .addTo(command, "Threads that compute; one per core without it.");
  }

  /** The number of threads. */
  int count() {
    if (threads.value() == null) {
      return Runtime.getRuntime().availableProcessors();
    }
    if (threads.value() < 1) {
      throw command.usage("--threads must be at least 1, not " + threads.value());
    }
    return threads.value();
  }
}
