package dev.depths.runtime.kernel;

import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;

/** Sizes to sweep: fewer where the tests force a vector width that this machine lacks, and which it computes slowly. */
final class Widths {
  static final boolean EMULATED = Simd.BITS > FloatVector.SPECIES_PREFERRED.vectorBitSize();

  private Widths() {}

  /** Lengths from 1 to 4098: all small ones, and those around multiples of every vector. */
  static int[] lengths() {
    int[] around = {95, 96, 97, 127, 128, 129, 255, 256, 257, 575, 576, 577, 1023, 1025, 1536, 2047, 4095, 4098};
    return EMULATED ? new int[] {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 97, 129, 257}
        : IntStream.concat(IntStream.rangeClosed(1, 72), IntStream.of(around)).toArray();
  }

  /** Columns of a panel of f32. */
  static int[] columns() {
    return EMULATED ? new int[] {1, 2, 3, 4, 5, 16, 33, 64, 100}
        : IntStream.concat(IntStream.rangeClosed(1, 200), IntStream.of(576, 1024, 1536)).toArray();
  }
}
