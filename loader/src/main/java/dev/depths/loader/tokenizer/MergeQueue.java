package dev.depths.loader.tokenizer;

import java.util.Arrays;

/**
 * The pairs that may be merged, best first, in a binary heap: lowest priority value first, leftmost first among equals.
 * Entries are not removed when they go stale; whoever polls checks them.
 */
final class MergeQueue {
  private long[] heap = new long[64];
  private int size;

  void clear() {
    size = 0;
  }

  boolean isEmpty() {
    return size == 0;
  }

  void add(int priority, int position) {
    if (size == heap.length) {
      heap = Arrays.copyOf(heap, Math.multiplyExact(size, 2));
    }
    long entry = ((long) priority << 32) | position;
    int i = size++;
    while (i > 0) {
      int parent = (i - 1) >>> 1;
      if (heap[parent] <= entry) {
        break;
      }
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = entry;
  }

  /** Removes the best entry; see {@link #priority} and {@link #position}. */
  long poll() {
    long best = heap[0];
    long last = heap[--size];
    int i = 0;
    for (int child = 1; child < size; child = 2 * i + 1) {
      if (child + 1 < size && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= last) {
        break;
      }
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return best;
  }

  static int priority(long entry) {
    return (int) (entry >> 32);
  }

  static int position(long entry) {
    return (int) entry;
  }
}
