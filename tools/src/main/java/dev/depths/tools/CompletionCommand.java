package dev.depths.tools;

import picocli.AutoComplete;

/** Prints the shell completion script. */
final class CompletionCommand extends Command {
  CompletionCommand(Streams streams) {
    super(streams, "completion", "Prints a completion script for bash and zsh.",
        "",
        "Example:",
        "  source <(depths completion)");
  }

  @Override
  public Integer call() {
    streams.print(AutoComplete.bash("depths", spec.root().commandLine()));
    return 0;
  }
}
