package dev.depths.loader.tokenizer;

/**
 * Strings as a file holds them, UTF-8 and in order. Tokenizers read vocabularies through it where a list of strings offers
 * it: making a String of each piece takes longer than everything else about them.
 */
public interface Utf8Strings {
  /** Number of strings. */
  int size();

  /** Where a string begins: a number of bytes, counted from the same place for all strings. */
  int start(int index);

  /** Where a string ends, counted likewise; the next begins there or later. */
  int end(int index);

  /** Copies the bytes from one of those places to another, whatever lies between strings included. */
  void copy(int start, int end, byte[] to);
}
