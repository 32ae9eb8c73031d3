package dev.depths.loader.tokenizer;

/** Helpers for text that may not be well-formed. */
final class Texts {
  private static final int PRINTABLE_LENGTH = 40;

  private Texts() {}

  /** The text with each lone surrogate replaced by U+FFFD; the same string if there is none. */
  static String wellFormed(String text) {
    int bad = loneSurrogate(text);
    if (bad < 0) {
      return text;
    }
    StringBuilder fixed = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); ) {
      int codePoint = text.codePointAt(i);
      fixed.appendCodePoint(isSurrogate(codePoint) ? 0xFFFD : codePoint);
      i += Character.charCount(codePoint);
    }
    return fixed.toString();
  }

  /** Index of the first lone surrogate, or -1. */
  static int loneSurrogate(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (Character.isSurrogate(text.charAt(i))) {
        if (isSurrogate(text.codePointAt(i))) {
          return i;
        }
        i++;
      }
    }
    return -1;
  }

  /** A short form for one-line messages. */
  static String printable(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length() && i < PRINTABLE_LENGTH; i++) {
      char c = text.charAt(i);
      out.append(Character.isISOControl(c) || Character.isSurrogate(c) ? '?' : c);
    }
    return text.length() > PRINTABLE_LENGTH ? out.append("...").toString() : out.toString();
  }

  private static boolean isSurrogate(int codePoint) {
    return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
  }
}
