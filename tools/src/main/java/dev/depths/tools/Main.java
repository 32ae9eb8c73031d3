package dev.depths.tools;

import dev.depths.runtime.Model;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.Set;
import java.util.function.Supplier;
import picocli.CommandLine;

/** Starts the command line. */
public final class Main {
  private static final int HELP_WIDTH = 100;
  /** Commands that a person waits for the first token of. Making others beside them takes time. */
  private static final Set<String> COMPUTING = Set.of("generate", "chat");

  private Main() {}

  /** Runs one command and exits: 0 if it succeeded, 2 if it was not understood, 1 if it failed. */
  public static void main(String[] args) {
    if (computes(args)) {
      Model.warmUp(0);
    }
    System.exit(run(Streams.ofProcess(), args));
  }

  private static boolean computes(String[] args) {
    return args.length > 0 && COMPUTING.contains(args[0]);
  }

  /** Runs one command on the given streams; the result is the exit status. */
  static int run(Streams streams, String... args) {
    try {
      return (computes(args) ? commandLine(streams, Set.of(args[0])) : commandLine(streams)).execute(args);
    } catch (Throwable e) {
      return Failures.report(streams, "depths", e);
    }
  }

  /** The commands, reading from and writing to the given streams. */
  static CommandLine commandLine(Streams streams) {
    return commandLine(streams, commands(streams).keySet());
  }

  /** All commands by name. */
  private static SequencedMap<String, Supplier<Command>> commands(Streams streams) {
    SequencedMap<String, Supplier<Command>> commands = new LinkedHashMap<>();
    commands.put("generate", () -> new GenerateCommand(streams));
    commands.put("chat", () -> new ChatCommand(streams));
    commands.put("inspect", () -> new InspectCommand(streams));
    commands.put("convert", () -> new ConvertCommand(streams));
    commands.put("tokenize", () -> new TokenizeCommand(streams));
    commands.put("logits", () -> new LogitsCommand(streams));
    commands.put("route", () -> new RouteCommand(streams));
    commands.put("bench", () -> new BenchCommand(streams));
    commands.put("perplexity", () -> new PerplexityCommand(streams));
    commands.put("calibrate", () -> new CalibrateCommand(streams));
    commands.put("completion", () -> new CompletionCommand(streams));
    return commands;
  }

  private static CommandLine commandLine(Streams streams, Set<String> names) {
    CommandLine line = new DepthsCommand(streams).commandLine();
    commands(streams).forEach((name, command) -> {
      if (names.contains(name)) {
        line.addSubcommand(name, command.get().commandLine());
      }
    });
    return line
        .setOut(new PrintWriter(streams.out(), true, StandardCharsets.UTF_8))
        .setErr(new PrintWriter(streams.err(), true, StandardCharsets.UTF_8))
        .setUsageHelpWidth(HELP_WIDTH)
        .setParameterExceptionHandler(new UsageFailures(streams))
        .setExecutionExceptionHandler(new ExecutionFailures(streams));
  }

  // Classes, not lambdas: those of picocli's interfaces do not come from the class archive, and spinning them takes a while.

  private record UsageFailures(Streams streams) implements CommandLine.IParameterExceptionHandler {
    @Override
    public int handleParseException(CommandLine.ParameterException e, String[] args) {
      return Failures.reportUsage(streams, e);
    }
  }

  private record ExecutionFailures(Streams streams) implements CommandLine.IExecutionExceptionHandler {
    @Override
    public int handleExecutionException(Exception e, CommandLine command, CommandLine.ParseResult parsed) {
      return Failures.report(streams, command.getCommandSpec().qualifiedName(), e);
    }
  }
}
