package dev.depths.loader.tokenizer;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** What every tokenizer promises, whatever its vocabulary. */
final class Promises {
  private Promises() {}

  static void check(Tokenizer tokenizer, String text) {
    require(!tokenizer.describe().isBlank(), "a description");
    for (int end : tokenizer.endOfGeneration()) {
      require(end >= 0 && end < tokenizer.size(), "ends within the vocabulary");
    }
    for (boolean special : new boolean[] {true, false}) {
      int[] tokens = tokenizer.encode(text, special, special);
      for (int token : tokens) {
        require(token >= 0 && token < tokenizer.size(), "tokens within the vocabulary");
        // What SentencePiece has no piece for becomes the unknown token, which is a control token.
        require(special || !tokenizer.isControl(token) || tokenizer.describe().startsWith("SentencePiece"),
            "no control tokens of literal text");
        tokenizer.bytes(token, true);
      }
      tokenizer.decode(tokens, true);
      checkStream(tokenizer, tokens);
    }
  }

  private static void checkStream(Tokenizer tokenizer, int[] tokens) {
    TokenDecoder decoder = tokenizer.newDecoder();
    StringBuilder streamed = new StringBuilder();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int token : tokens) {
      streamed.append(decoder.push(token));
      bytes.writeBytes(tokenizer.bytes(token, false));
    }
    streamed.append(decoder.flush());
    require(streamed.toString().equals(bytes.toString(StandardCharsets.UTF_8)), "a stream equal to the whole");
  }

  private static void require(boolean condition, String promise) {
    if (!condition) {
      throw new AssertionError("broken promise: " + promise);
    }
  }
}
