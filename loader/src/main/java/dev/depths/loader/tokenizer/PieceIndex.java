package dev.depths.loader.tokenizer;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The way from a piece's text to its id: an open hash table that looks up stretches of longer texts without cutting
 * them out. Its hash is seeded, so that no file can make pieces collide.
 */
final class PieceIndex {
  private static final long MULTIPLIER = ThreadLocalRandom.current().nextLong() | 1;
  private static final long MIXER = ThreadLocalRandom.current().nextLong() | 1;

  private final Pieces pieces;
  private final int[] table;

  /** An empty index of pieces that {@link #add} will put in by their places. */
  PieceIndex(Pieces pieces) {
    this.pieces = pieces;
    table = new int[Integer.highestOneBit(Math.max(8, pieces.size())) << 2];
    Arrays.fill(table, Vocabulary.NONE);
  }

  /** Adds a piece by its id. Returns {@link Vocabulary#NONE}, or the id that the same text already has. */
  int add(int id) {
    int from = pieces.start(id);
    int end = from + pieces.length(id);
    int slot = slot(hash(0, pieces.chars(), from, end));
    while (table[slot] != Vocabulary.NONE) {
      if (matches(table[slot], pieces.chars(), from, end, end)) {
        return table[slot];
      }
      slot = slot + 1 & table.length - 1;
    }
    table[slot] = id;
    return Vocabulary.NONE;
  }

  /** The id of a stretch of text, or {@link Vocabulary#NONE}. */
  int find(char[] text, int from, int end) {
    return find(hash(0, text, from, end), text, from, end, end);
  }

  /**
   * The id of two stretches joined, {@code [from, middle)} and {@code [middle + 1, end)}, or {@link Vocabulary#NONE}.
   */
  int findJoined(char[] text, int from, int middle, int end) {
    return find(hash(hash(0, text, from, middle), text, middle + 1, end), text, from, middle, end);
  }

  private int find(long hash, char[] text, int from, int middle, int end) {
    int slot = slot(hash);
    while (table[slot] != Vocabulary.NONE && !matches(table[slot], text, from, middle, end)) {
      slot = slot + 1 & table.length - 1;
    }
    return table[slot];
  }

  /** Whether a piece is {@code [from, middle)} and, if it does not end there, {@code [middle + 1, end)}. */
  private boolean matches(int id, char[] text, int from, int middle, int end) {
    int length = end - from - (middle < end ? 1 : 0);
    if (pieces.length(id) != length) {
      return false;
    }
    char[] chars = pieces.chars();
    int at = pieces.start(id);
    for (int i = from; i < end; i++) {
      if (i != middle && chars[at++] != text[i]) {
        return false;
      }
    }
    return true;
  }

  private static long hash(long start, char[] text, int from, int end) {
    long hash = start;
    for (int i = from; i < end; i++) {
      hash = (hash + text[i] + 1) * MULTIPLIER;
    }
    return hash;
  }

  private int slot(long hash) {
    return (int) ((hash ^ hash >>> 29) * MIXER >>> 32) & table.length - 1;
  }
}
