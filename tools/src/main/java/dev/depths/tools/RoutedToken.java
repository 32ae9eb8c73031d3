package dev.depths.tools;

import dev.depths.loader.tokenizer.TokenDecoder;
import dev.depths.loader.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A token of a text that is shown with its routing.
 *
 * @param id the token
 * @param text the characters that it completes: those of all tokens, joined, are the text
 * @param label what stands for it in a map
 */
record RoutedToken(int id, String text, String label) {
  private static final int LABEL_COLUMNS = 20;

  /** The tokens of a text, special ones included. */
  static List<RoutedToken> of(Tokenizer tokenizer, int[] ids) {
    TokenDecoder decoder = tokenizer.newDecoder();
    List<RoutedToken> tokens = new ArrayList<>();
    for (int i = 0; i < ids.length; i++) {
      byte[] bytes = tokenizer.bytes(ids[i], true);
      String text = tokenizer.isControl(ids[i])
          ? decoder.flush() + new String(bytes, StandardCharsets.UTF_8) : decoder.push(ids[i]);
      text += i == ids.length - 1 ? decoder.flush() : "";
      tokens.add(of(ids[i], text, bytes));
    }
    return tokens;
  }

  /** @param bytes the token's own, which stand for it where it completes no character */
  static RoutedToken of(int id, String text, byte[] bytes) {
    String label = text.isEmpty() ? VisibleText.hex(bytes) : VisibleText.label(text);
    return new RoutedToken(id, text, VisibleText.clip(label, LABEL_COLUMNS));
  }
}
