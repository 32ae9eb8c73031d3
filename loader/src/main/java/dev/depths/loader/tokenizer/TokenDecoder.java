package dev.depths.loader.tokenizer;

/** Decodes a stream of tokens to text, holding back the bytes of an unfinished UTF-8 character. Not thread-safe. */
public interface TokenDecoder {
  /** The text that this token completes; empty while a character is unfinished. Control tokens give no text. */
  String push(int token);

  /** What is held back at the end of the stream, unfinished bytes as U+FFFD; the decoder is then as new. */
  String flush();
}
