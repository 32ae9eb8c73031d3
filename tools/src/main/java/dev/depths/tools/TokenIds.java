package dev.depths.tools;

import java.util.ArrayList;
import java.util.List;

/** Token ids as people write them: separated by spaces or commas. */
final class TokenIds {
  private TokenIds() {}

  /** The ids in a text; each must be below {@code size}. */
  static int[] parse(String text, int size) {
    List<Integer> ids = new ArrayList<>();
    for (String word : text.split("[\\s,]+")) {
      if (!word.isEmpty()) {
        ids.add(parseOne(word, size));
      }
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private static int parseOne(String word, int size) {
    int id;
    try {
      id = Integer.parseInt(word);
    } catch (NumberFormatException e) {
      throw new CommandException("'" + word + "' is not a token id", e);
    }
    if (id < 0 || id >= size) {
      throw new CommandException("token id " + id + " is outside the vocabulary of " + size + " tokens");
    }
    return id;
  }
}
