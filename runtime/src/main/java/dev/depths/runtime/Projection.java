package dev.depths.runtime;

import dev.depths.runtime.kernel.ActivationRange;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PanelFormat;
import java.util.List;
import java.util.stream.Stream;

/** Matrices that share one input: query, key and value; gate and up; or one alone. Sums are taken once, not per pass. */
final class Projection {
  private final Linear[] parts;
  private final float[] loraA;
  private final int loraRows;
  private final float loraScale;
  private final int panels;
  private final ActivationRange inputRange;
  private final int gemvRows;
  private final int gemvPanels;
  private final boolean readsRows;
  private final long bytes;
  private final long lowRankBytes;

  /**
   * @param parts the matrices
   * @param loraA first factors of their low-rank updates [loraRows, in], row-major, of all parts together; or null
   * @param loraScale what the updates are multiplied with
   */
  Projection(List<Linear> parts, float[] loraA, int loraRows, float loraScale) {
    this.parts = parts.toArray(Linear[]::new);
    this.loraA = loraA;
    this.loraRows = loraRows;
    this.loraScale = loraScale;
    this.panels = parts.stream().mapToInt(p -> p.weights().panels()).sum();
    this.inputRange = parts.stream().map(p -> p.weights().format().activationRange())
        .reduce(ActivationRange.ANY, ActivationRange::and);
    this.gemvRows = parts.stream().mapToInt(p -> Kernels.gemvRows(p.weights().format())).min().orElseThrow();
    this.gemvPanels = parts.stream().mapToInt(p -> Kernels.gemvPanels(p.weights().format())).max().orElseThrow();
    this.readsRows = loraA != null || parts.stream().anyMatch(p -> p.weights().format() == PanelFormat.BF12);
    this.lowRankBytes = parts.stream().mapToLong(Linear::lowRankBytes).sum() + (loraA == null ? 0 : 4L * loraA.length);
    this.bytes = parts.stream().mapToLong(Linear::bytes).sum() + lowRankBytes;
  }

  /** This and another projection of the same input as one, to the same bits; null if they take it in different ways. */
  Projection and(Projection other) {
    PanelFormat format = parts[0].weights().format();
    List<Linear> all = Stream.of(parts, other.parts).flatMap(Stream::of).toList();
    return loraA == null && other.loraA == null && all.stream().allMatch(p -> p.weights().format() == format)
        ? new Projection(all, null, 0, 0) : null;
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

  float loraScale() {
    return loraScale;
  }

  /** Panels of all parts together. */
  int panels() {
    return panels;
  }

  /** Whether an input of so many rows is multiplied as integers, for which it must be quantised. */
  boolean multipliesIntegers(int rows) {
    return rows <= gemvRows && inputRange.isBounded();
  }

  /** Whether an input of so many rows is multiplied interleaved. */
  boolean interleaves(Kernels kernels, int rows) {
    return rows > gemvRows && kernels.interleaves();
  }

  /** Whether the rows of its input are read as they are too, interleaved or not: by low-rank updates or outliers of BF12. */
  boolean readsRows() {
    return readsRows;
  }

  /** Most rows that are multiplied without unpacking the matrices. */
  int gemvRows() {
    return gemvRows;
  }

  /** How many panels are best multiplied together, if there are few rows. */
  int gemvPanels() {
    return gemvPanels;
  }

  /** What the quantised input must keep to. */
  ActivationRange inputRange() {
    return inputRange;
  }

  /** Bytes that one pass reads. */
  long bytes() {
    return bytes;
  }

  /** Those of them that are factors of low-rank updates. */
  long lowRankBytes() {
    return lowRankBytes;
  }
}
