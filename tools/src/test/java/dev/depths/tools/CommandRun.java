package dev.depths.tools;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * A command run in this process, with what it printed.
 *
 * @param code exit status
 * @param bytes what went to standard output
 * @param err what went to standard error
 */
record CommandRun(int code, byte[] bytes, String err) {
  /** Runs a command without input. */
  static CommandRun of(Object... args) {
    return withInput("", args);
  }

  /** Runs a command that reads {@code input}. */
  static CommandRun withInput(String input, Object... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    return run(input, out, out, false, args);
  }

  /** Runs a command whose standard output is {@code out}. */
  static CommandRun withOutput(OutputStream out, Object... args) {
    return run("", out, new ByteArrayOutputStream(), false, args);
  }

  /** Runs a command whose standard output and error a person reads. */
  static CommandRun onTerminal(Object... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    return run("", out, out, true, args);
  }

  private static CommandRun run(
      String input, OutputStream out, ByteArrayOutputStream captured, boolean terminal, Object... args) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Streams streams = new Streams(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), out,
        new PrintStream(err, true, StandardCharsets.UTF_8), false, terminal, terminal);
    String[] words = new String[args.length];
    for (int i = 0; i < args.length; i++) {
      words[i] = args[i].toString();
    }
    int code = Main.run(streams, words);
    return new CommandRun(code, captured.toByteArray(), err.toString(StandardCharsets.UTF_8));
  }

  /** Standard output as text. */
  String out() {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
