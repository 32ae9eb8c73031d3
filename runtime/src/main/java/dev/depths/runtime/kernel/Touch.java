package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Brings weights into a core's caches before several rows pass over them. A kernel that multiplies long with each load
 * waits for memory at every page, where prefetching ends and the core does not see far enough ahead; one load after
 * another finds many pages at a time.
 */
final class Touch {
  private static final int LINE = 64;

  /** What the reading is for, as far as the compiler can tell: without a use it would leave it out. */
  private static int touched;

  private Touch() {}

  static void one(MemorySegment w, long from, int bytes) {
    int sum = 0;
    for (int i = 0; i < bytes; i += LINE) {
      sum += w.get(ValueLayout.JAVA_INT, from + i);
    }
    touched = sum;
  }

  /** So many bytes from two places, which are streams of their own. */
  static void two(MemorySegment w, long a, long b, int bytes) {
    int sum = 0;
    for (int i = 0; i < bytes; i += LINE) {
      sum += w.get(ValueLayout.JAVA_INT, a + i) + w.get(ValueLayout.JAVA_INT, b + i);
    }
    touched = sum;
  }

  static void three(MemorySegment w, long a, long b, long c, int bytes) {
    int sum = 0;
    for (int i = 0; i < bytes; i += LINE) {
      sum += w.get(ValueLayout.JAVA_INT, a + i) + w.get(ValueLayout.JAVA_INT, b + i) + w.get(ValueLayout.JAVA_INT, c + i);
    }
    touched = sum;
  }
}
