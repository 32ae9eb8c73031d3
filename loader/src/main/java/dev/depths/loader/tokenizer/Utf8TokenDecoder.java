package dev.depths.loader.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Streams tokens through a UTF-8 decoder that keeps the bytes of an unfinished character for the next token. */
final class Utf8TokenDecoder implements TokenDecoder {
  private static final int LONGEST_CHARACTER = 4;

  private final Tokenizer tokenizer;
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder()
      .onMalformedInput(CodingErrorAction.REPLACE)
      .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private ByteBuffer bytes = ByteBuffer.allocate(64);
  private CharBuffer chars = CharBuffer.allocate(64);

  Utf8TokenDecoder(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  @Override
  public String push(int token) {
    byte[] piece = tokenizer.bytes(token, false);
    reserve(piece.length);
    bytes.put(piece);
    return decode(false);
  }

  @Override
  public String flush() {
    String rest = decode(true);
    decoder.flush(chars);
    decoder.reset();
    bytes.clear();
    return rest;
  }

  private String decode(boolean end) {
    bytes.flip();
    chars.clear();
    decoder.decode(bytes, chars, end);
    bytes.compact();
    return chars.flip().toString();
  }

  /** Each byte gives at most one character. */
  private void reserve(int more) {
    if (bytes.remaining() < more) {
      int capacity = Math.addExact(Math.multiplyExact(more, 2), LONGEST_CHARACTER);
      bytes = ByteBuffer.allocate(capacity).put(bytes.flip());
      chars = CharBuffer.allocate(capacity);
    }
  }
}
