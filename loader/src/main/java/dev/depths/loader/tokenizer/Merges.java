package dev.depths.loader.tokenizer;

import dev.depths.loader.MalformedFileException;
import java.util.concurrent.ThreadLocalRandom;
import org.agrona.collections.Long2LongHashMap;

/** The pairs of tokens that may be merged, with their ranks and what they become. */
final class Merges {
  private static final long SEED = ThreadLocalRandom.current().nextLong() | 1;

  private final Object file;
  private final String where;
  private final Vocabulary vocabulary;
  private final Long2LongHashMap mergeOfPair;
  private int size;

  /**
   * @param where the key of the merges, for messages
   * @param expected how many will be added
   */
  Merges(Object file, String where, Vocabulary vocabulary, int expected) {
    this.file = file;
    this.where = where;
    this.vocabulary = vocabulary;
    if (expected > Vocabulary.MAX_SIZE) {
      throw new MalformedFileException(file, where, expected + " merges, expected at most " + Vocabulary.MAX_SIZE);
    }
    mergeOfPair = new Long2LongHashMap(Math.max(8, expected * 2), 0.65f, Vocabulary.NONE);
  }

  /**
   * Adds the merge of the next rank, written as two pieces with a space between them. Of a pair that is listed twice
   * the first counts, as in llama.cpp.
   *
   * @param merge holds it in its first {@code length} characters
   * @throws MalformedFileException if a piece or what they become is not in the vocabulary
   */
  void add(char[] merge, int length) {
    int space = 1;
    while (space < length && merge[space] != ' ') {
      space++;
    }
    if (space >= length) {
      throw malformed("'" + Texts.printable(new String(merge, 0, length)) + "', expected two pieces with a space between them");
    }
    add(merge, space, length);
  }

  /** As above, for pieces that may hold spaces themselves. */
  void add(String left, String right) {
    String merge = left + ' ' + right;
    add(merge.toCharArray(), left.length(), merge.length());
  }

  private void add(char[] merge, int middle, int end) {
    int left = known(vocabulary.id(merge, 0, middle), merge, 0, middle);
    int right = known(vocabulary.id(merge, middle + 1, end), merge, middle + 1, end);
    int merged = vocabulary.joinedId(merge, 0, middle, end);
    if (merged == Vocabulary.NONE) {
      throw malformed("what '" + Texts.printable(new String(merge, 0, end)) + "' becomes is not in the vocabulary");
    }
    // Plain text never becomes a control token, not even where a file has a merge for one.
    if (!vocabulary.type(merged).isControl()) {
      mergeOfPair.putIfAbsent(pair(left, right), (long) size << 32 | merged);
    }
    size++;
  }

  private int known(int id, char[] merge, int from, int end) {
    if (id == Vocabulary.NONE) {
      throw malformed("the piece '" + Texts.printable(new String(merge, from, end - from)) + "' is not in the vocabulary");
    }
    return id;
  }

  /** The merge of a pair, or {@link Vocabulary#NONE}; see {@link #rank} and {@link #merged}. */
  long of(int left, int right) {
    return mergeOfPair.get(pair(left, right));
  }

  static int rank(long merge) {
    return (int) (merge >> 32);
  }

  static int merged(long merge) {
    return (int) merge;
  }

  /** A key for a pair, scattered by a seed, so that no file can make keys collide. */
  private static long pair(int left, int right) {
    return ((long) left << 32 | right) * SEED;
  }

  private MalformedFileException malformed(String problem) {
    return new MalformedFileException(file, where + "[" + size + "]", problem);
  }
}
