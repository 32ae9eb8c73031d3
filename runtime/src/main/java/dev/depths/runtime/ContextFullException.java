package dev.depths.runtime;

/** More tokens than the session's context length holds. Nothing was computed. */
public final class ContextFullException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ContextFullException(int position, int tokens, int contextLength) {
    super("context is full: " + position + " tokens held and " + tokens + " more asked for, but the context length is "
        + contextLength);
  }
}
