package dev.depths.tools;

import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/**
 * A command; its result is the exit status. What it takes is told to picocli by builders, not annotations: the JDK makes
 * classes while running for each kind of annotation that is read, and accessors for each field that is set, which takes a
 * start 150 ms.
 */
abstract class Command implements Callable<Integer> {
  final Streams streams;
  final CommandSpec spec;

  /** @param footer lines below the options in the help text */
  Command(Streams streams, String name, String description, String... footer) {
    this.streams = streams;
    spec = CommandSpec.wrapWithoutInspection(this).name(name).versionProvider(new Version());
    spec.usageMessage().description(description).sortOptions(false).footer(footer);
  }

  /** The command with all that it takes, for picocli; to be called once. */
  final CommandLine commandLine() {
    spec.add(OptionSpec.builder("-h", "--help").usageHelp(true).description("Show this help message and exit.").build());
    spec.add(
        OptionSpec.builder("-V", "--version").versionHelp(true).description("Print version information and exit.").build());
    return new CommandLine(spec);
  }

  /** The exception for a command line that is not understood. */
  final ParameterException usage(String message) {
    return usage(message, null);
  }

  final ParameterException usage(String message, Throwable cause) {
    return new ParameterException(spec.commandLine(), message, cause);
  }
}
