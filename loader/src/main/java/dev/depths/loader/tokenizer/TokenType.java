package dev.depths.loader.tokenizer;

/** What a token of the vocabulary is; ordinals are GGUF's {@code tokenizer.ggml.token_type}. */
enum TokenType {
  UNDEFINED,
  /** Text, found by merging. */
  NORMAL,
  UNKNOWN,
  /** Has no text of its own; found in text only if asked for. */
  CONTROL,
  /** Text, always found as a whole before anything is merged. */
  USER_DEFINED,
  UNUSED,
  /** One byte, written {@code <0xFF>}. */
  BYTE;

  private static final TokenType[] VALUES = values();

  static TokenType of(long code) {
    return code >= 0 && code < VALUES.length ? VALUES[(int) code] : UNDEFINED;
  }

  boolean isControl() {
    return this == CONTROL || this == UNKNOWN;
  }
}
