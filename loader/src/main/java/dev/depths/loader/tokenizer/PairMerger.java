package dev.depths.loader.tokenizer;

import java.util.Arrays;
import org.agrona.collections.IntArrayList;

/**
 * Merges a word's symbols, the pair of lowest rank first and leftmost among equals, until none is left. The symbols are
 * a doubly linked list in arrays. Scratch space of one call, reused from word to word.
 */
final class PairMerger {
  private static final int MERGED = -2;

  private final Merges merges;
  private final MergeQueue queue = new MergeQueue();
  private int[] symbols = new int[64];
  private int[] next = new int[64];
  private int[] previous = new int[64];
  private int length;

  PairMerger(Merges merges) {
    this.merges = merges;
  }

  void clear() {
    length = 0;
  }

  /** Adds a token at the end, or {@link Vocabulary#NONE}, which merges with nothing. */
  void add(int token) {
    if (length == symbols.length) {
      int capacity = Math.multiplyExact(length, 2);
      symbols = Arrays.copyOf(symbols, capacity);
      next = Arrays.copyOf(next, capacity);
      previous = Arrays.copyOf(previous, capacity);
    }
    symbols[length++] = token;
  }

  void merge() {
    queue.clear();
    for (int i = 0; i < length; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
      offer(i);
    }
    while (!queue.isEmpty()) {
      long entry = queue.poll();
      int left = MergeQueue.position(entry);
      long merge = mergeAt(left);
      // An entry is stale if its symbols have since been merged with others.
      if (merge != Vocabulary.NONE && Merges.rank(merge) == MergeQueue.priority(entry)) {
        apply(left, Merges.merged(merge));
      }
    }
  }

  private void apply(int left, int merged) {
    int right = next[left];
    symbols[left] = merged;
    symbols[right] = MERGED;
    next[left] = next[right];
    if (next[left] < length) {
      previous[next[left]] = left;
    }
    offer(left);
    if (previous[left] >= 0) {
      offer(previous[left]);
    }
  }

  private void offer(int left) {
    long merge = mergeAt(left);
    if (merge != Vocabulary.NONE) {
      queue.add(Merges.rank(merge), left);
    }
  }

  private long mergeAt(int left) {
    if (symbols[left] < 0 || next[left] >= length || symbols[next[left]] < 0) {
      return Vocabulary.NONE;
    }
    return merges.of(symbols[left], symbols[next[left]]);
  }

  void appendTo(IntArrayList tokens) {
    for (int i = 0; i < length; i = next[i]) {
      if (symbols[i] != Vocabulary.NONE) {
        tokens.addInt(symbols[i]);
      }
    }
  }
}
