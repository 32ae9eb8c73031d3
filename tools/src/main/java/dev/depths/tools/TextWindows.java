package dev.depths.tools;

import dev.depths.loader.tokenizer.Tokenizer;
import java.util.Arrays;

/**
 * A text cut into windows as llama.cpp's llama-perplexity does it: side by side, the incomplete last one dropped, the
 * first token of each replaced by the beginning-of-text token where the model's texts begin with one.
 *
 * @param tokens of the text
 * @param bos the beginning-of-text token, or -1 if there is none to put
 * @param length tokens of a window, at least 3
 * @param count windows
 */
record TextWindows(int[] tokens, int bos, int length, int count) {
  /**
   * Tokenises a text, special tokens' texts taken literally, and cuts it.
   *
   * @param most windows
   * @throws CommandException if it does not fill a single one
   */
  static TextWindows of(String text, Tokenizer tokenizer, int length, int most) {
    int[] tokens = tokenizer.encode(text, true, false);
    if (tokens.length < length) {
      throw new CommandException(
          "the text has " + tokens.length + " tokens, too few for one window of " + length + " (--ctx)");
    }
    int bos = tokens[0] == tokenizer.bos() ? tokens[0] : -1;
    return new TextWindows(tokens, bos, length, Math.min(most, tokens.length / length));
  }

  /** A window's tokens. */
  int[] window(int index) {
    int[] window = Arrays.copyOfRange(tokens, index * length, (index + 1) * length);
    if (bos >= 0) {
      window[0] = bos;
    }
    return window;
  }

  /** The position in a window whose prediction is scored first; up to the last but one all others are. */
  int firstScored() {
    return length / 2;
  }

  /** Positions scored, over all windows. */
  int scored() {
    return count * (length - 1 - firstScored());
  }
}
