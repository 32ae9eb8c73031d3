package dev.depths.loader.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.function.IntConsumer;

/** The tokens {@code <0x00>} to {@code <0xFF>}, which stand for characters that have no piece. */
final class ByteTokens {
  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  private final int[] tokenOfByte = new int[256];
  private final int unknown;

  /**
   * @param unknown the token of bytes that have none, or -1
   */
  ByteTokens(Vocabulary vocabulary, int unknown) {
    this.unknown = unknown;
    for (int b = 0; b < 256; b++) {
      tokenOfByte[b] = vocabulary.id("<0x" + HEX.toHexDigits((byte) b) + ">");
    }
  }

  /** Whether a piece is written as the one of a byte. */
  static boolean isWritten(String piece) {
    return piece.length() == 6 && piece.startsWith("<0x") && piece.charAt(5) == '>'
        && HexFormat.isHexDigit(piece.charAt(3)) && HexFormat.isHexDigit(piece.charAt(4));
  }

  /** The tokens of a character's bytes; bytes without token give the unknown token once, or nothing. */
  void forEach(String character, IntConsumer tokens) {
    byte[] bytes = character.getBytes(StandardCharsets.UTF_8);
    if (haveTokens(bytes)) {
      for (byte b : bytes) {
        tokens.accept(tokenOfByte[b & 0xFF]);
      }
    } else if (unknown != Vocabulary.NONE) {
      tokens.accept(unknown);
    }
  }

  private boolean haveTokens(byte[] bytes) {
    for (byte b : bytes) {
      if (tokenOfByte[b & 0xFF] == Vocabulary.NONE) {
        return false;
      }
    }
    return true;
  }

  /** The byte that a piece stands for. */
  static byte byteOf(String piece) {
    return (byte) HexFormat.fromHexDigits(piece, 3, 5);
  }
}
