package dev.depths.loader.tokenizer;

import dev.depths.loader.MalformedFileException;

/** The texts of a vocabulary, in one array of characters. */
final class Pieces {
  private final char[] chars;
  /** Where each piece begins, and where the last ends. */
  private final int[] starts;

  /**
   * @param where the key of the pieces, for messages
   * @throws MalformedFileException if they are longer than those of any vocabulary
   */
  Pieces(Object file, String where, Strings strings) {
    long bound = 0;
    for (int i = 0; i < strings.size(); i++) {
      bound += strings.maxLength(i);
    }
    if (bound > Vocabulary.MAX_CHARACTERS) {
      throw new MalformedFileException(file, where, "more than " + Vocabulary.MAX_CHARACTERS + " characters in all");
    }
    chars = new char[(int) bound];
    starts = new int[strings.size() + 1];
    for (int i = 0; i < strings.size(); i++) {
      starts[i + 1] = strings.read(i, chars, starts[i]);
    }
  }

  int size() {
    return starts.length - 1;
  }

  String get(int index) {
    return new String(chars, starts[index], length(index));
  }

  int length(int index) {
    return starts[index + 1] - starts[index];
  }

  /** Where a piece begins in {@link #chars()}. */
  int start(int index) {
    return starts[index];
  }

  /** All pieces, one after the other; not to be changed. */
  char[] chars() {
    return chars;
  }
}
