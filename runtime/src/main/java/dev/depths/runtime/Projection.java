package dev.depths.runtime;

import java.util.List;

/**
 * Matrices that share one input: query, key and value; gate and up; or one alone.
 *
 * @param parts the matrices
 * @param loraA first factors of their low-rank updates [rows, in], row-major, of all parts together; or null
 * @param loraRows rows of {@code loraA}
 */
record Projection(List<Linear> parts, float[] loraA, int loraRows) {
  /** Panels of all parts together. */
  int panels() {
    int n = 0;
    for (Linear part : parts) {
      n += part.weights().panels();
    }
    return n;
  }

  int columns() {
    return parts.getFirst().weights().columns();
  }

  /** Whether a decode multiplies integers, and its input must be quantised. */
  boolean integer() {
    for (Linear part : parts) {
      if (part.weights().format().isInteger()) {
        return true;
      }
    }
    return false;
  }

  /** Bytes that one pass reads. */
  long bytes() {
    long n = loraA == null ? 0 : 4L * loraA.length;
    for (Linear part : parts) {
      n += part.bytes();
    }
    return n;
  }
}
