package dev.depths.loader.tokenizer;

import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Finds special tokens in text: the leftmost, and of those that begin there the longest. The texts are kept sorted; a
 * search narrows the range of candidates character by character, so no table grows with their lengths.
 */
final class SpecialTokens {
  /** Longer special tokens do not exist; a bound on the work per character of text. */
  static final int MAX_LENGTH = 512;

  private final int[] tokens;
  private final String[] texts;
  private final BitSet firstChars = new BitSet();

  /** Special tokens by id; tokens without text are never found. */
  SpecialTokens(Vocabulary vocabulary, int... ids) {
    tokens = IntStream.of(ids).filter(id -> !vocabulary.piece(id).isEmpty()).boxed()
        .sorted(Comparator.comparing(vocabulary::piece)).mapToInt(Integer::intValue).toArray();
    texts = Arrays.stream(tokens).mapToObj(vocabulary::piece).toArray(String[]::new);
    for (String text : texts) {
      firstChars.set(text.charAt(0));
    }
  }

  /** Where the first special token begins at or after {@code from}, or -1. */
  int find(String text, int from) {
    for (int i = from; i < text.length(); i++) {
      if (firstChars.get(text.charAt(i)) && matchAt(text, i) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** The longest special token that begins at an index, or -1. */
  int matchAt(String text, int index) {
    int low = 0;
    int high = texts.length;
    int match = -1;
    for (int depth = 0; low < high && index + depth < text.length(); depth++) {
      char c = text.charAt(index + depth);
      low = firstAtLeast(low, high, depth, c);
      high = firstAtLeast(low, high, depth, c + 1);
      // In sorted order the text that ends here comes before those that go on.
      if (low < high && texts[low].length() == depth + 1) {
        match = tokens[low++];
      }
    }
    return match;
  }

  /**
   * In a range whose texts agree up to {@code depth} and go beyond it: the first whose next character is at least c.
   */
  private int firstAtLeast(int low, int high, int depth, int c) {
    int from = low;
    int to = high;
    while (from < to) {
      int middle = (from + to) >>> 1;
      if (texts[middle].charAt(depth) < c) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from;
  }
}
