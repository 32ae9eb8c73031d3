package dev.depths.tools;

import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Prints the shell completion script. */
@Command(
    name = "completion",
    description = "Prints a completion script for bash and zsh.",
    mixinStandardHelpOptions = true,
    versionProvider = DepthsCommand.Version.class,
    footer = {"", "Example:", "  source <(depths completion)"})
final class CompletionCommand implements Runnable {
  private final Streams streams;

  @Spec
  CommandSpec spec;

  CompletionCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public void run() {
    streams.print(AutoComplete.bash("depths", spec.root().commandLine()));
  }
}
