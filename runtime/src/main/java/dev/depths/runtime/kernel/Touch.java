package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Brings weights into a core's caches before they are unpacked or several rows pass over them, and keys and values before they
 * are multiplied. A kernel that computes long with each load waits for memory at every page, where prefetching ends and the core
 * does not see far enough ahead; one load after another finds many pages at a time. Vectors are loaded since C2 compiles that
 * well without a profile: accessors of a segment are left as calls where their caller is compiled before them.
 */
final class Touch {
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int LINE = 64;

  /** What the reading is for, as far as the compiler can tell: without a use it would leave it out. */
  private static int touched;

  private Touch() {}

  static void one(MemorySegment w, long from, int bytes) {
    IntVector all = IntVector.zero(I);
    for (int i = 0; i < bytes; i += LINE) {
      all = all.or(IntVector.fromMemorySegment(I, w, from + i, LE));
    }
    touched = all.lane(0);
  }

  /** So many bytes from three places, which are streams of their own. */
  static void three(MemorySegment w, long a, long b, long c, int bytes) {
    IntVector all = IntVector.zero(I);
    for (int i = 0; i < bytes; i += LINE) {
      all = all.or(IntVector.fromMemorySegment(I, w, a + i, LE)).or(IntVector.fromMemorySegment(I, w, b + i, LE))
          .or(IntVector.fromMemorySegment(I, w, c + i, LE));
    }
    touched = all.lane(0);
  }
}
