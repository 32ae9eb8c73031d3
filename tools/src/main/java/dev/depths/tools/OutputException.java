package dev.depths.tools;

import java.io.IOException;
import java.util.Locale;

/** Standard output takes no more: its reader is gone, or a disk is full. */
final class OutputException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  OutputException(IOException cause) {
    super("cannot write to standard output: " + cause.getMessage(), cause);
  }

  /** Whether the reader has had enough, as {@code head} does: not a failure. */
  boolean readerGone() {
    String message = getCause().getMessage();
    return message != null && message.toLowerCase(Locale.ROOT).contains("pipe");
  }
}
