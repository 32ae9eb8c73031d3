package dev.depths.loader.tokenizer;

import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The way from a piece's text to its id: an open hash table that looks up stretches of longer texts without cutting
 * them out, which makes most of the time of loading a vocabulary. Its hash is seeded, so that no file can make pieces
 * collide.
 */
final class PieceIndex {
  private static final long MULTIPLIER = ThreadLocalRandom.current().nextLong() | 1;
  private static final long MIXER = ThreadLocalRandom.current().nextLong() | 1;

  private final String[] pieces;
  private final int[] table;

  /** An empty index of pieces that {@link #add} will put in by their places in the array. */
  PieceIndex(String[] pieces) {
    this.pieces = pieces;
    table = new int[Integer.highestOneBit(Math.max(8, pieces.length)) << 2];
    Arrays.fill(table, Vocabulary.NONE);
  }

  /** Adds a piece by its id. Returns {@link Vocabulary#NONE}, or the id that the same text already has. */
  int add(int id) {
    String piece = pieces[id];
    int slot = slot(hash(0, piece, 0, piece.length()));
    while (table[slot] != Vocabulary.NONE) {
      if (pieces[table[slot]].equals(piece)) {
        return table[slot];
      }
      slot = slot + 1 & table.length - 1;
    }
    table[slot] = id;
    return Vocabulary.NONE;
  }

  /** The id of a stretch of text, or {@link Vocabulary#NONE}. */
  int find(String text, int from, int end) {
    return find(hash(0, text, from, end), text, from, end, end);
  }

  /**
   * The id of two stretches joined, {@code [from, middle)} and {@code [middle + 1, end)}, or {@link Vocabulary#NONE}.
   */
  int findJoined(String text, int from, int middle, int end) {
    return find(hash(hash(0, text, from, middle), text, middle + 1, end), text, from, middle, end);
  }

  private int find(long hash, String text, int from, int middle, int end) {
    int first = middle - from;
    int second = Math.max(0, end - middle - 1);
    for (int slot = slot(hash); table[slot] != Vocabulary.NONE; slot = slot + 1 & table.length - 1) {
      String piece = pieces[table[slot]];
      if (piece.length() == first + second && piece.regionMatches(0, text, from, first)
          && (second == 0 || piece.regionMatches(first, text, middle + 1, second))) {
        return table[slot];
      }
    }
    return Vocabulary.NONE;
  }

  private static long hash(long start, String text, int from, int end) {
    long hash = start;
    for (int i = from; i < end; i++) {
      hash = (hash + text.charAt(i) + 1) * MULTIPLIER;
    }
    return hash;
  }

  private int slot(long hash) {
    return (int) ((hash ^ hash >>> 29) * MIXER >>> 32) & table.length - 1;
  }
}
