package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * A few rows times f32 panels that come from memory: with the bits of {@link F32Gemm}, in less time. Below 512 bits, its
 * tiles read half of each row of a panel and then the other half, which no prefetching expects. Here panels come in threes,
 * far apart, since a core reads several streams faster than one, and a piece of each at a time is brought into the L1 cache
 * before the tiles pass over it.
 */
final class F32Streams {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  /** 8 KiB of each of three panels. */
  private static final int PIECE = 64;

  /** Rows of the register tile that does not wait for its own sums and leaves none over of 4, 8, 12 and 16. */
  private static final int TILE = 4;

  private F32Streams() {}

  /** As {@link Kernels#panelsGemv}. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    int third = (to - from) / 3;
    for (int p = 0; p < third; p++) {
      three(w, from + p, third, x, row, rows, y, yOffset + p * Panels.ROWS, ldy);
    }
    for (int p = from + 3 * third; p < to; p++) {
      F32Gemm.multiply(w.data(), w.offset(p), x.columns, x.f32, row * x.stride, x.stride, rows, y,
          yOffset + (p - from) * Panels.ROWS, ldy, false);
    }
  }

  /** A panel and the two that are {@code apart} and twice {@code apart} after it. */
  private static void three(PackedMatrix w, int panel, int apart, Activations x, int row, int rows, float[] y, int yOffset,
      int ldy) {
    MemorySegment data = w.data();
    int columns = x.columns;
    for (int c = 0; c < columns; c += PIECE) {
      int n = Math.min(PIECE, columns - c);
      long piece = (long) c * Panels.FLOAT_BYTES;
      Touch.three(data, w.offset(panel) + piece, w.offset(panel + apart) + piece, w.offset(panel + 2 * apart) + piece,
          n * Panels.FLOAT_BYTES);
      for (int i = 0; i < 3; i++) {
        for (int r = 0; r < rows; r += TILE) {
          F32Gemm.multiply(data, w.offset(panel + i * apart) + piece, n, x.f32, (row + r) * x.stride + c, x.stride,
              Math.min(TILE, rows - r), y, yOffset + r * ldy + i * apart * Panels.ROWS, ldy, c > 0);
        }
      }
    }
  }

  /**
   * Up to four rows times two panels, at 512 bits: a core reads two streams faster than one. Of fewer rows the last takes the
   * place of those that are not there.
   */
  static void fewRowsTimesTwo(MemorySegment w, long aOffset, long bOffset, int k, float[] x, int xOffset, int ldx, int rows,
      float[] y, int yOffset, int ldy, int apart) {
    int last = rows - 1;
    int r1 = Math.min(1, last);
    int r2 = Math.min(2, last);
    int r3 = Math.min(3, last);
    int x1 = xOffset + r1 * ldx;
    int x2 = xOffset + r2 * ldx;
    int x3 = xOffset + r3 * ldx;
    int y1 = yOffset + r1 * ldy;
    int y2 = yOffset + r2 * ldy;
    int y3 = yOffset + r3 * ldy;
    FloatVector sum0a, sum0b, sum0c, sum0d, sum1a, sum1b, sum1c, sum1d,
        sum2a, sum2b, sum2c, sum2d, sum3a, sum3b, sum3c, sum3d;
    sum0a = sum0b = sum0c = sum0d = sum1a = sum1b = sum1c = sum1d = FloatVector.zero(F);
    sum2a = sum2b = sum2c = sum2d = sum3a = sum3b = sum3c = sum3d = FloatVector.zero(F);
    for (int i = 0; i < k; i++) {
      long o = (long) i * Panels.FLOAT_BYTES;
      FloatVector a0 = FloatVector.fromMemorySegment(F, w, aOffset + o, LE);
      FloatVector a1 = FloatVector.fromMemorySegment(F, w, aOffset + o + 64, LE);
      FloatVector b0 = FloatVector.fromMemorySegment(F, w, bOffset + o, LE);
      FloatVector b1 = FloatVector.fromMemorySegment(F, w, bOffset + o + 64, LE);
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      sum0a = a0.fma(v, sum0a);
      sum0b = a1.fma(v, sum0b);
      sum0c = b0.fma(v, sum0c);
      sum0d = b1.fma(v, sum0d);
      v = FloatVector.broadcast(F, x[x1 + i]);
      sum1a = a0.fma(v, sum1a);
      sum1b = a1.fma(v, sum1b);
      sum1c = b0.fma(v, sum1c);
      sum1d = b1.fma(v, sum1d);
      v = FloatVector.broadcast(F, x[x2 + i]);
      sum2a = a0.fma(v, sum2a);
      sum2b = a1.fma(v, sum2b);
      sum2c = b0.fma(v, sum2c);
      sum2d = b1.fma(v, sum2d);
      v = FloatVector.broadcast(F, x[x3 + i]);
      sum3a = a0.fma(v, sum3a);
      sum3b = a1.fma(v, sum3b);
      sum3c = b0.fma(v, sum3c);
      sum3d = b1.fma(v, sum3d);
    }
    sum0a.intoArray(y, yOffset);
    sum0b.intoArray(y, yOffset + 16);
    sum0c.intoArray(y, yOffset + apart);
    sum0d.intoArray(y, yOffset + apart + 16);
    sum1a.intoArray(y, y1);
    sum1b.intoArray(y, y1 + 16);
    sum1c.intoArray(y, y1 + apart);
    sum1d.intoArray(y, y1 + apart + 16);
    sum2a.intoArray(y, y2);
    sum2b.intoArray(y, y2 + 16);
    sum2c.intoArray(y, y2 + apart);
    sum2d.intoArray(y, y2 + apart + 16);
    sum3a.intoArray(y, y3);
    sum3b.intoArray(y, y3 + 16);
    sum3c.intoArray(y, y3 + apart);
    sum3d.intoArray(y, y3 + apart + 16);
  }
}
