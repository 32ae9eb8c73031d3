package dev.depths.loader.tokenizer;

import java.util.Set;

/**
 * Text to token ids and back, exactly as the model's training code does it. Immutable and safe for use by several
 * threads. Lone surrogates in text are taken as U+FFFD. Methods that take a token throw IllegalArgumentException for
 * one that is not in the vocabulary. Where a model puts a space before text (SentencePiece), encoding adds it and
 * {@link #decode} drops it.
 */
public interface Tokenizer {
  /**
   * Tokenises text as it is. Adds no beginning-of-text token; see {@link #encode(String, boolean, boolean)}.
   *
   * @param parseSpecial whether text such as {@code <|im_end|>} becomes the special token or is taken literally;
   * literal text never gives control tokens, but tokens that the file calls user-defined are found either way
   */
  int[] encode(String text, boolean parseSpecial);

  /**
   * Tokenises text and, if {@code addSpecial}, adds the beginning- and end-of-text tokens that the model's files ask
   * for.
   */
  int[] encode(String text, boolean addSpecial, boolean parseSpecial);

  /** The UTF-8 bytes of one token; of a control token its text only if {@code special}, else none. */
  byte[] bytes(int token, boolean special);

  /** The text of tokens; bytes that are not UTF-8 become U+FFFD. */
  String decode(int[] tokens, boolean special);

  /**
   * Streaming decoding: never emits half a UTF-8 character. The stream continues a text: unlike {@link #decode} it
   * keeps a space at its beginning.
   */
  TokenDecoder newDecoder();

  /** Number of tokens. */
  int size();

  /** The vocabulary's text of a token, as written in the file. */
  String piece(int token);

  /** The beginning-of-text token, or -1. */
  int bos();

  /** The end-of-text token, or -1. */
  int eos();

  /** All tokens that end a generation: end of text, end of turn. */
  Set<Integer> endOfGeneration();

  /** Whether a token is a control token, which has no text of its own. */
  boolean isControl(int token);

  /** A line for people, e.g. {@code BPE, pre-tokenizer smollm, 49152 tokens}. */
  String describe();
}
