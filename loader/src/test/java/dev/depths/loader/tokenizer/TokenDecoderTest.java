package dev.depths.loader.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TokenDecoderTest {
  private static final Tokenizer TOKENIZER = Tokenizers.fromGguf("gpt-2", Fixtures.byteLevelMetadata("gpt-2"));

  private static int[] tokensOf(byte[] bytes) {
    return IntStream.range(0, bytes.length).map(i -> tokenOf(bytes[i] & 0xFF)).toArray();
  }

  private static int tokenOf(int b) {
    String piece = String.valueOf(ByteAlphabet.charOf(b));
    return IntStream.range(0, TOKENIZER.size()).filter(id -> TOKENIZER.piece(id).equals(piece)).findFirst()
        .orElseThrow();
  }

  @Test
  void aCharacterComesWithItsLastByte() {
    TokenDecoder decoder = TOKENIZER.newDecoder();
    int[] tokens = tokensOf("é😀x".getBytes(StandardCharsets.UTF_8));
    String[] expected = {"", "é", "", "", "", "😀", "x"};
    for (int i = 0; i < tokens.length; i++) {
      assertEquals(expected[i], decoder.push(tokens[i]));
    }
    assertEquals("", decoder.flush());
  }

  @Test
  void unfinishedCharactersEndAsReplacementCharacters() {
    TokenDecoder decoder = TOKENIZER.newDecoder();
    assertEquals("", decoder.push(tokenOf(0xF0)));
    assertEquals("", decoder.push(tokenOf(0x9F)));
    assertEquals("\uFFFD", decoder.flush());
    assertEquals("a", decoder.push(tokenOf('a')));
    assertEquals("", decoder.flush());
    assertEquals("", decoder.flush());
  }

  @Test
  void controlTokensGiveNoTextAndDoNotBreakCharacters() {
    TokenDecoder decoder = TOKENIZER.newDecoder();
    assertEquals("", decoder.push(tokenOf(0xC3)));
    assertEquals("", decoder.push(TOKENIZER.eos()));
    assertEquals("é", decoder.push(tokenOf(0xA9)));
  }

  @Test
  void streamsWhatDecodingTheWholeGives() {
    Random random = new Random(5);
    int[] single = IntStream.range(0, 256).map(TokenDecoderTest::tokenOf).toArray();
    TokenDecoder decoder = TOKENIZER.newDecoder();
    for (int round = 0; round < 3000; round++) {
      byte[] bytes = randomBytes(random);
      int[] tokens = IntStream.range(0, bytes.length).map(i -> single[bytes[i] & 0xFF]).toArray();
      StringBuilder streamed = new StringBuilder();
      for (int token : tokens) {
        String text = decoder.push(token);
        assertTrue(text.isEmpty() || !Character.isHighSurrogate(text.charAt(text.length() - 1)));
        streamed.append(text);
      }
      streamed.append(decoder.flush());
      assertEquals(new String(bytes, StandardCharsets.UTF_8), streamed.toString(), () -> Arrays.toString(bytes));
      assertEquals(streamed.toString(), TOKENIZER.decode(tokens, false));
    }
  }

  /** Mostly the beginnings and continuations of long characters, valid or not. */
  private static byte[] randomBytes(Random random) {
    byte[] bytes = new byte[random.nextInt(12)];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) switch (random.nextInt(5)) {
        case 0 -> random.nextInt(0x80);
        case 1, 2 -> 0x80 + random.nextInt(0x40);
        default -> 0xC0 + random.nextInt(0x40);
      };
    }
    return bytes;
  }

  @Test
  void aStreamContinuesTextAndKeepsItsFirstSpace() {
    Tokenizer sentencePiece = Tokenizers.fromGguf("sentencepiece", Fixtures.sentencePieceMetadata());
    TokenDecoder decoder = sentencePiece.newDecoder();
    StringBuilder text = new StringBuilder();
    for (int token : sentencePiece.encode("the end", false)) {
      text.append(decoder.push(token));
    }
    assertEquals(" the end", text + decoder.flush());
  }
}
