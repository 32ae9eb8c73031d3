package dev.depths.runtime;

import java.util.List;

/** Matrices that share one input: query, key and value; gate and up; or one alone. Sums are taken once, not per pass. */
final class Projection {
  private final Linear[] parts;
  private final float[] loraA;
  private final int loraRows;
  private final int panels;
  private final boolean integer;
  private final long bytes;

  /**
   * @param parts the matrices
   * @param loraA first factors of their low-rank updates [loraRows, in], row-major, of all parts together; or null
   */
  Projection(List<Linear> parts, float[] loraA, int loraRows) {
    this.parts = parts.toArray(Linear[]::new);
    this.loraA = loraA;
    this.loraRows = loraRows;
    this.panels = parts.stream().mapToInt(p -> p.weights().panels()).sum();
    this.integer = parts.stream().anyMatch(p -> p.weights().format().isInteger());
    this.bytes = parts.stream().mapToLong(Linear::bytes).sum() + (loraA == null ? 0 : 4L * loraA.length);
  }

  int size() {
    return parts.length;
  }

  Linear part(int i) {
    return parts[i];
  }

  float[] loraA() {
    return loraA;
  }

  int loraRows() {
    return loraRows;
  }

  /** Panels of all parts together. */
  int panels() {
    return panels;
  }

  /** Whether a decode multiplies integers, and its input must be quantised. */
  boolean integer() {
    return integer;
  }

  /** Bytes that one pass reads. */
  long bytes() {
    return bytes;
  }
}
