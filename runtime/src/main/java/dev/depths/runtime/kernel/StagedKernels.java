package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Kernels that are exchanged, group by group and at any moment, for others which compute the same bits. That threads see an
 * exchange late does no harm: the fields are plain.
 */
final class StagedKernels implements Kernels {
  private final Kernels last;
  private Kernels gemv;
  private Kernels rows;
  private Kernels halves;
  private Kernels elementwise;
  private Kernels gemm;
  private Kernels unpack;

  /** What is exchanged together. */
  enum Group {
    /** Panels of any format times one row. */
    GEMV,
    /** Panels of any format times a few rows, without unpacking them. */
    ROWS,
    /** Half-float panels times few rows: keys and values. */
    HALVES,
    /** What is not a product with a panel. */
    ELEMENTWISE,
    /** F32 panels, or unpacked ones, times many rows. */
    GEMM,
    /** Panels of other formats unpacked to f32. */
    UNPACK
  }

  /**
   * Starts with one implementation in all groups.
   *
   * @param last that all groups will use in the end
   */
  StagedKernels(Kernels first, Kernels last) {
    this.last = last;
    gemv = first;
    rows = first;
    halves = first;
    elementwise = first;
    gemm = first;
    unpack = first;
  }

  /** Uses the last implementation for a group from now on. */
  void advance(Group group) {
    switch (group) {
      case GEMV -> gemv = last;
      case ROWS -> rows = last;
      case HALVES -> halves = last;
      case ELEMENTWISE -> elementwise = last;
      case GEMM -> gemm = last;
      case UNPACK -> unpack = last;
    }
  }

  /** What all groups use in the end. */
  Kernels last() {
    return last;
  }

  Kernels of(Group group) {
    return switch (group) {
      case GEMV -> gemv;
      case ROWS -> rows;
      case HALVES -> halves;
      case ELEMENTWISE -> elementwise;
      case GEMM -> gemm;
      case UNPACK -> unpack;
    };
  }

  @Override
  public String describe() {
    return last.describe();
  }

  @Override
  public void panelF32(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    gemm.panelF32(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public boolean interleaves() {
    return last.interleaves();
  }

  @Override
  public void interleave(float[] x, int xOffset, int ldx, int columns, Activations to, int column, int row, int rows) {
    gemm.interleave(x, xOffset, ldx, columns, to, column, row, rows);
  }

  @Override
  public void panelF32(MemorySegment w, long wOffset, Activations x, int column, int columns, int row, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    gemm.panelF32(w, wOffset, x, column, columns, row, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public void panelF16(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    halves.panelF16(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public void touch(MemorySegment memory, long from, int bytes) {
    halves.touch(memory, from, bytes);
  }

  @Override
  public void unpackF16(MemorySegment w, long wOffset, int columns, MemorySegment out) {
    unpack.unpackF16(w, wOffset, columns, out);
  }

  @Override
  public void panelsGemv(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset,
      int ldy) {
    if (rows == 1) {
      gemv.panelsGemv(w, from, to, x, row, 1, y, yOffset, ldy);
    } else if (this.rows == last || gemv != last) {
      this.rows.panelsGemv(w, from, to, x, row, rows, y, yOffset, ldy);
    } else {
      // Vectors row by row are faster than loops.
      for (int r = 0; r < rows; r++) {
        gemv.panelsGemv(w, from, to, x, row + r, 1, y, yOffset + r * ldy, ldy);
      }
    }
  }

  @Override
  public void unpack(PackedMatrix w, int panel, int column, int columns, MemorySegment out) {
    unpack.unpack(w, panel, column, columns, out);
  }

  @Override
  public void quantize(Activations x, int row, int column, int columns, ActivationRange range) {
    elementwise.quantize(x, row, column, columns, range);
  }

  @Override
  public void rmsNorm(float[] x, int xOffset, int n, float[] weight, float epsilon, float[] out, int outOffset) {
    elementwise.rmsNorm(x, xOffset, n, weight, epsilon, out, outOffset);
  }

  @Override
  public void siluMultiply(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
    elementwise.siluMultiply(gate, gateOffset, up, upOffset, n);
  }

  @Override
  public void softmax(float[] x, int offset, int n, float scale) {
    elementwise.softmax(x, offset, n, scale);
  }

  @Override
  public float logSumExp(float[] x, int offset, int n) {
    return elementwise.logSumExp(x, offset, n);
  }

  @Override
  public void rotate(float[] x, int offset, float[] cos, float[] sin, int tableOffset, int pairs) {
    elementwise.rotate(x, offset, cos, sin, tableOffset, pairs);
  }

  @Override
  public float dot(float[] a, int aOffset, float[] b, int bOffset, int n) {
    return elementwise.dot(a, aOffset, b, bOffset, n);
  }

  @Override
  public void add(float[] y, int yOffset, float[] x, int xOffset, int n) {
    elementwise.add(y, yOffset, x, xOffset, n);
  }

  @Override
  public void scale(float[] x, int offset, int n, float factor) {
    elementwise.scale(x, offset, n, factor);
  }
}
