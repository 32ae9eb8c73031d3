package dev.depths.loader.tokenizer;

/** Strings to be read into arrays of characters, most cheaply in their order. */
interface Strings {
  int size();

  /** A bound on the characters of a string. */
  int maxLength(int index);

  /** Writes a string's characters to {@code to[at ..]}; returns the index after the last. */
  int read(int index, char[] to, int at);
}
