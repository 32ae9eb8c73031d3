package dev.depths.tools;

import dev.depths.loader.LoadException;
import dev.depths.loader.chat.ChatTemplateException;
import dev.depths.runtime.ContextFullException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Failures as one line on standard error, and an exit status. {@code DEPTHS_DEBUG=1} shows where they come from. */
final class Failures {
  private Failures() {}

  /** A command line that was not understood. */
  static int reportUsage(Streams streams, ParameterException failure) {
    String command = failure.getCommandLine().getCommandSpec().qualifiedName();
    print(streams, command, describeUsage(failure) + " (see '" + command + " --help')", failure);
    return CommandLine.ExitCode.USAGE;
  }

  private static String describeUsage(ParameterException failure) {
    boolean root = failure.getCommandLine().getParent() == null;
    if (root && failure instanceof UnmatchedArgumentException e && !e.isUnknownOption()) {
      String similar = e.getSuggestions().isEmpty() ? "" : ", did you mean '" + e.getSuggestions().getFirst() + "'?";
      return "there is no command '" + e.getUnmatched().getFirst() + "'" + similar;
    }
    return decapitalized(failure.getMessage());
  }

  /** A command that failed. A reader of standard output that has had enough is no failure. */
  static int report(Streams streams, String command, Throwable failure) {
    if (failure instanceof OutputException output && output.readerGone()) {
      return CommandLine.ExitCode.OK;
    }
    print(streams, command, describe(failure), failure);
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String describe(Throwable failure) {
    return switch (failure) {
      case CommandException e -> e.getMessage();
      case OutputException e -> e.getMessage();
      case LoadException e -> e.getMessage();
      case ContextFullException e -> e.getMessage();
      case ChatTemplateException e -> "chat template: " + e.getMessage();
      case NoSuchFileException e -> e.getFile() + ": no such file or directory";
      case AccessDeniedException e -> e.getFile() + ": permission denied";
      case FileSystemException e when e.getReason() == null -> e.getFile() + ": cannot be accessed";
      case UncheckedIOException e -> describe(e.getCause());
      case IOException e -> e.getMessage() == null ? e.toString() : e.getMessage();
      case IllegalStateException e when e.getMessage() != null -> e.getMessage();
      case OutOfMemoryError e -> "not enough memory (" + e.getMessage() + "); DEPTHS_JAVA_OPTS=-Xmx8g raises the limit";
      default -> "internal error: " + failure + "; DEPTHS_DEBUG=1 shows details";
    };
  }

  private static void print(Streams streams, String command, String message, Throwable failure) {
    streams.err().println(command + ": " + message.strip().replaceAll("\\s*\\R\\s*", " "));
    if ("1".equals(System.getenv("DEPTHS_DEBUG"))) {
      failure.printStackTrace(streams.err());
    }
  }

  private static String decapitalized(String message) {
    boolean word = message.length() > 1 && Character.isLowerCase(message.charAt(1));
    return word ? Character.toLowerCase(message.charAt(0)) + message.substring(1) : message;
  }
}
