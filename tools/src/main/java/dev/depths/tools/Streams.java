package dev.depths.tools;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * The standard streams of a command, UTF-8 whatever the locale. What was asked for goes to {@code out}, all else to
 * {@code err}.
 *
 * @param inTerminal whether a person types at {@code in}
 * @param outTerminal whether a person reads {@code out}
 * @param errTerminal whether a person reads {@code err}
 */
record Streams(
    InputStream in, OutputStream out, PrintStream err, boolean inTerminal, boolean outTerminal, boolean errTerminal) {

  /** The process's own streams. The launcher says which of them are terminals. */
  static Streams ofProcess() {
    return new Streams(
        System.in,
        new FileOutputStream(FileDescriptor.out),
        StandardError.open(),
        Boolean.getBoolean("depths.in.terminal"),
        Boolean.getBoolean("depths.out.terminal"),
        Boolean.getBoolean("depths.err.terminal"));
  }

  /**
   * Writes text to {@code out} at once.
   *
   * @throws OutputException if it cannot be written
   */
  void print(String text) {
    print(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes bytes to {@code out} at once; see {@link #print(String)}. */
  void print(byte[] bytes) {
    try {
      out.write(bytes);
      out.flush();
    } catch (IOException e) {
      throw new OutputException(e);
    }
  }
}
