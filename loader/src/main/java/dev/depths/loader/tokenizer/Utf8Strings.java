package dev.depths.loader.tokenizer;

/**
 * Strings as a file holds them, UTF-8 and in order. Tokenizers read vocabularies through it where a list of strings offers
 * it: making a String of each piece takes longer than everything else about them.
 */
public interface Utf8Strings {
  /** Number of strings. */
  int size();

  /** Where a string begins, in bytes from the beginning of the first's surroundings. */
  int start(int index);

  /** Where a string ends; the next begins there or later. */
  int end(int index);

  /** Copies what lies from one of those places to another. */
  void copy(int start, int end, byte[] to);
}
