package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;

/** Kernels on the Vector API, {@link Simd#BITS} bits wide. */
final class VectorKernels implements Kernels {
  @Override
  public String describe() {
    return "Vector API, " + Simd.BITS + " bits";
  }

  @Override
  public void panelF32(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    F32Gemm.multiply(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public boolean interleaves() {
    return F32Gemm.TALL;
  }

  @Override
  public void interleave(float[] x, int xOffset, int ldx, int columns, Activations to, int column, int row, int rows) {
    int at = row * to.stride + 2 * column;
    F32Interleaved.interleave(x, xOffset, ldx, columns, rows / 2, to.interleaved(), at, to.stride);
  }

  @Override
  public void panelF32(MemorySegment w, long wOffset, Activations x, int column, int columns, int row, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    int whole = x.isInterleaved() ? rows / Activations.GROUP * Activations.GROUP : 0;
    F32Interleaved.multiply(w, wOffset, columns, x.interleaved(), row * x.stride + 2 * column, x.stride, whole, y, yOffset, ldy,
        accumulate);
    F32Gemm.multiply(w, wOffset, columns, x.f32, (row + whole) * x.stride + column, x.stride, rows - whole, y,
        yOffset + whole * ldy, ldy, accumulate);
  }

  @Override
  public void panelF16(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    F16Gemm.multiply(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public void panelsGemv(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset,
      int ldy) {
    switch (w.format()) {
      case I4, I4_MIN, I4_16, I4_16_MIN, I5, I5_MIN, I6_16, I8 -> {
        // A single row reads all there is as one stream, or as two that are as far apart as may be.
        int some = rows == 1 ? to - from : w.format().panelsInCache(x.columns);
        for (int p = from; p < to; p += some) {
          integerPanels(w, p, Math.min(to, p + some), x, row, rows, y, yOffset + (p - from) * Panels.ROWS, ldy);
        }
      }
      case BF12 -> Bf12Gemv.multiply(w, from, to, x, row, rows, y, yOffset, ldy);
      case F32, F16 -> {
        if (rows > 1 && w.format() == PanelFormat.F32 && Simd.LANES < 16) {
          F32Streams.multiply(w, from, to, x, row, rows, y, yOffset, ldy);
          return;
        }
        if (rows > 1 && Simd.LANES == 16) {
          fewRows(w, from, to, x, row, rows, y, yOffset, ldy);
          return;
        }
        int third = rows == 1 ? (to - from) / 3 : 0;
        for (int p = 0; p < third; p++) {
          threeFloatPanels(w, from + p, third, x, row, y, yOffset + p * Panels.ROWS);
        }
        for (int p = from + 3 * third; p < to; p++) {
          floatPanel(w, p, x, row, rows, y, yOffset + (p - from) * Panels.ROWS, ldy);
        }
      }
    }
  }

  private static void integerPanels(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y,
      int yOffset, int ldy) {
    if (w.format() == PanelFormat.I8) {
      I8Gemv.multiply(w, from, to, x, row, rows, y, yOffset, ldy);
    } else {
      FieldsGemv.multiply(w, from, to, x, row, rows, y, yOffset, ldy);
    }
  }

  /** A few rows times panels of floats at 512 bits: two that are far apart are read together, and again for four more rows. */
  private static void fewRows(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset,
      int ldy) {
    MemorySegment data = w.data();
    // Of an odd number the middle one is multiplied twice.
    int half = Math.ceilDiv(to - from, 2);
    int apart = to - from - half;
    int columns = x.columns;
    int yApart = apart * Panels.ROWS;
    for (int p = 0; p < half; p++) {
      long a = w.offset(from + p);
      long b = w.offset(from + p + apart);
      for (int r = 0; r < rows; r += 4) {
        int at = (row + r) * x.stride;
        int n = Math.min(4, rows - r);
        int out = yOffset + r * ldy + p * Panels.ROWS;
        switch (w.format()) {
          case F32 -> F32Streams.fewRowsTimesTwo(data, a, b, columns, x.f32, at, x.stride, n, y, out, ldy, yApart);
          case F16 -> F16Gemm.fewRowsTimesTwo(data, a, b, columns, x.f32, at, x.stride, n, y, out, ldy, yApart);
          default -> throw new IllegalArgumentException(w.format() + " holds integers");
        }
      }
    }
  }

  private static void floatPanel(PackedMatrix w, int panel, Activations x, int row, int rows, float[] y, int yOffset,
      int ldy) {
    MemorySegment data = w.data();
    long offset = w.offset(panel);
    int at = row * x.stride;
    switch (w.format()) {
      case F32 -> F32Gemm.multiply(data, offset, x.columns, x.f32, at, x.stride, rows, y, yOffset, ldy, false);
      case F16 -> F16Gemm.multiply(data, offset, x.columns, x.f32, at, x.stride, rows, y, yOffset, ldy, false);
      default -> throw new IllegalArgumentException(w.format() + " holds integers");
    }
  }

  /** A panel and the two that are {@code apart} and twice {@code apart} after it. */
  private static void threeFloatPanels(PackedMatrix w, int panel, int apart, Activations x, int row, float[] y, int yOffset) {
    MemorySegment data = w.data();
    long a = w.offset(panel);
    long b = w.offset(panel + apart);
    long c = w.offset(panel + 2 * apart);
    int at = row * x.stride;
    int bTo = yOffset + apart * Panels.ROWS;
    int cTo = bTo + apart * Panels.ROWS;
    switch (w.format()) {
      case F32 -> F32Gemm.multiplyThree(data, a, b, c, x.columns, x.f32, at, y, yOffset, bTo, cTo);
      case F16 -> F16Gemm.multiplyThree(data, a, b, c, x.columns, x.f32, at, y, yOffset, bTo, cTo);
      default -> throw new IllegalArgumentException(w.format() + " holds integers");
    }
  }

  @Override
  public void unpack(PackedMatrix w, int panel, int column, int columns, MemorySegment out) {
    Unpack.unpack(w.data(), w.offset(panel) + w.format().panelBytes(column), w.format(), columns, out);
  }

  @Override
  public void unpackF16(MemorySegment w, long wOffset, int columns, MemorySegment out) {
    Unpack.unpack(w, wOffset, PanelFormat.F16, columns, out);
  }

  @Override
  public void touch(MemorySegment memory, long from, int bytes) {
    Touch.one(memory, from, bytes);
  }

  @Override
  public void quantize(Activations x, int row, int column, int columns, ActivationRange range) {
    Quantize.quantize(x, row * x.stride + column, columns, range);
  }

  @Override
  public void rmsNorm(float[] x, int xOffset, int n, float[] weight, float epsilon, float[] out, int outOffset) {
    Elementwise.rmsNorm(x, xOffset, n, weight, epsilon, out, outOffset);
  }

  @Override
  public void siluMultiply(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
    Exponential.siluMultiply(gate, gateOffset, up, upOffset, n);
  }

  @Override
  public void softmax(float[] x, int offset, int n, float scale) {
    Exponential.softmax(x, offset, n, scale);
  }

  @Override
  public float logSumExp(float[] x, int offset, int n) {
    return Exponential.logSumExp(x, offset, n);
  }

  @Override
  public void rotate(float[] x, int offset, float[] cos, float[] sin, int tableOffset, int pairs) {
    Elementwise.rotate(x, offset, cos, sin, tableOffset, pairs);
  }

  @Override
  public float dot(float[] a, int aOffset, float[] b, int bOffset, int n) {
    return Elementwise.dot(a, aOffset, b, bOffset, n);
  }

  @Override
  public void add(float[] y, int yOffset, float[] x, int xOffset, int n) {
    Elementwise.add(y, yOffset, x, xOffset, n);
  }

  @Override
  public void scale(float[] x, int offset, int n, float factor) {
    Elementwise.scale(x, offset, n, factor);
  }
}
