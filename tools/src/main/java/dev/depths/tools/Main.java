package dev.depths.tools;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/** Starts the command line. */
public final class Main {
  private static final int HELP_WIDTH = 100;

  private Main() {}

  /** Runs one command and exits: 0 if it succeeded, 2 if it was not understood, 1 if it failed. */
  public static void main(String[] args) {
    System.exit(run(Streams.ofProcess(), args));
  }

  /** Runs one command on the given streams; the result is the exit status. */
  static int run(Streams streams, String... args) {
    try {
      return commandLine(streams).execute(args);
    } catch (Throwable e) {
      return Failures.report(streams, "depths", e);
    }
  }

  /** The commands, reading from and writing to the given streams. */
  static CommandLine commandLine(Streams streams) {
    return new CommandLine(new DepthsCommand())
        .addSubcommand(new GenerateCommand(streams))
        .addSubcommand(new ChatCommand(streams))
        .addSubcommand(new InspectCommand(streams))
        .addSubcommand(new TokenizeCommand(streams))
        .addSubcommand(new LogitsCommand(streams))
        .addSubcommand(new BenchCommand(streams))
        .addSubcommand(new PerplexityCommand(streams))
        .addSubcommand(new CompletionCommand(streams))
        .setOut(new PrintWriter(streams.out(), true, StandardCharsets.UTF_8))
        .setErr(new PrintWriter(streams.err(), true, StandardCharsets.UTF_8))
        .setUsageHelpWidth(HELP_WIDTH)
        .setParameterExceptionHandler((e, args) -> Failures.reportUsage(streams, e))
        .setExecutionExceptionHandler((e, command, parsed) ->
            Failures.report(streams, command.getCommandSpec().qualifiedName(), e));
  }
}
