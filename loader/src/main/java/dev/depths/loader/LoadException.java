package dev.depths.loader;

/**
 * A model, adapter or tokenizer file that cannot be used. The message names the file, the offset or key, and what was
 * expected, in one line.
 */
public abstract sealed class LoadException extends RuntimeException
    permits MalformedFileException, UnsupportedModelException {
  private static final long serialVersionUID = 1L;

  LoadException(String message) {
    super(message);
  }

  LoadException(String message, Throwable cause) {
    super(message, cause);
  }
}
