package dev.depths.loader.tokenizer;

import org.agrona.collections.IntArrayList;

/** The heart of a tokenizer: plain text to tokens, and a token back to its bytes. Immutable. */
interface SubwordModel {
  /**
   * Appends the tokens of a stretch of text between special tokens.
   *
   * @param text well-formed UTF-16
   * @param afterSpecial whether the stretch begins the text or follows a special token
   */
  void encode(String text, int from, int end, boolean afterSpecial, IntArrayList tokens);

  /** The bytes of a token that has text; control tokens are not asked. */
  byte[] bytes(int token);

  /** Whether decoding drops one space at the beginning of the text, which encoding had put there. */
  boolean addsSpacePrefix();

  /** For people: the algorithm and its settings. */
  String describe();
}
