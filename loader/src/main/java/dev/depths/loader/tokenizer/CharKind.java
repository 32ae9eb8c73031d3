package dev.depths.loader.tokenizer;

/**
 * The character classes that pre-tokenizer rules are made of: {@code \p{L} \p{N} \p{M} \p{P} \p{S} \s} as Oniguruma and
 * Rust's regex know them. Java's own {@code \s} and {@code isWhitespace} differ from them.
 */
final class CharKind {
  static final int LETTER = 1;
  static final int NUMBER = 2;
  static final int SPACE = 4;
  static final int MARK = 8;
  static final int PUNCTUATION = 16;
  static final int SYMBOL = 32;
  static final int OTHER = 64;

  private static final byte[] ASCII = new byte[128];

  static {
    for (int c = 0; c < ASCII.length; c++) {
      ASCII[c] = (byte) classify(c);
    }
  }

  private CharKind() {}

  /** The class of a code point. */
  static int of(int codePoint) {
    return codePoint < ASCII.length ? ASCII[codePoint] : classify(codePoint);
  }

  /** The class of the code point at an index, or 0 at the end of the text. */
  static int at(String text, int index, int end) {
    return index < end ? of(text.codePointAt(index)) : 0;
  }

  /** {@code [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]}: what a word with capitals begins with. */
  static boolean isHead(int codePoint) {
    int kind = of(codePoint);
    return kind == MARK || (kind == LETTER && Character.getType(codePoint) != Character.LOWERCASE_LETTER);
  }

  /** {@code [\p{Ll}\p{Lm}\p{Lo}\p{M}]}: what it goes on with. */
  static boolean isTail(int codePoint) {
    if (of(codePoint) != LETTER) {
      return of(codePoint) == MARK;
    }
    int type = Character.getType(codePoint);
    return type != Character.UPPERCASE_LETTER && type != Character.TITLECASE_LETTER;
  }

  /** The end of the run of code points whose class is among {@code kinds}. */
  static int skip(String text, int from, int end, int kinds) {
    int i = from;
    while (i < end) {
      int codePoint = text.codePointAt(i);
      if ((of(codePoint) & kinds) == 0) {
        return i;
      }
      i += Character.charCount(codePoint);
    }
    return i;
  }

  /** Unicode's property White_Space. */
  private static boolean isWhiteSpace(int c) {
    return (c >= 0x09 && c <= 0x0D) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A)
        || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
  }

  private static int classify(int codePoint) {
    if (isWhiteSpace(codePoint)) {
      return SPACE;
    }
    return switch (Character.getType(codePoint)) {
      case Character.UPPERCASE_LETTER, Character.LOWERCASE_LETTER, Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER, Character.OTHER_LETTER -> LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
      case Character.NON_SPACING_MARK, Character.ENCLOSING_MARK, Character.COMBINING_SPACING_MARK -> MARK;
      case Character.CONNECTOR_PUNCTUATION, Character.DASH_PUNCTUATION, Character.START_PUNCTUATION,
          Character.END_PUNCTUATION, Character.INITIAL_QUOTE_PUNCTUATION, Character.FINAL_QUOTE_PUNCTUATION,
          Character.OTHER_PUNCTUATION -> PUNCTUATION;
      case Character.MATH_SYMBOL, Character.CURRENCY_SYMBOL, Character.MODIFIER_SYMBOL,
          Character.OTHER_SYMBOL -> SYMBOL;
      default -> OTHER;
    };
  }
}
