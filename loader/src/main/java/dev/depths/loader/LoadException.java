package dev.depths.loader;

/**
 * A model, adapter or tokenizer file that cannot be used. The message names the file, the offset or key, and what was
 * expected, in one line.
 */
public abstract sealed class LoadException extends RuntimeException
    permits MalformedFileException, UnsupportedModelException {
  private static final long serialVersionUID = 1L;
  private static final int MAX_LENGTH = 4000;

  LoadException(String message) {
    super(oneLine(message));
  }

  LoadException(String message, Throwable cause) {
    super(oneLine(message), cause);
  }

  /** What files hold goes into messages: no line breaks, terminal sequences or endless keys from there. */
  private static String oneLine(String message) {
    StringBuilder line = new StringBuilder();
    message.codePoints().limit(MAX_LENGTH).forEach(c -> {
      int type = Character.getType(c);
      if (type == Character.CONTROL || type == Character.FORMAT || type == Character.LINE_SEPARATOR
          || type == Character.PARAGRAPH_SEPARATOR) {
        line.append("\\u%04x".formatted(c));
      } else {
        line.appendCodePoint(c);
      }
    });
    return line.toString();
  }
}
