package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * As {@link F32Gemm}, to the same bits, for groups of twelve rows that are interleaved in pairs. Where all rows lie apart, C2
 * computes an address for each of them and each column, which on Intel takes turns from the multiplications: a core makes 11 %
 * more of them from six addresses, and no more from one.
 */
final class F32Interleaved {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int ROW = Panels.ROWS * Float.BYTES;

  private static final FloatVector LOW = zip(0);
  private static final FloatVector HIGH = zip(L / 2);

  private F32Interleaved() {}

  /** From which lanes of two vectors, counted on from the one to the other, the lanes of both in turns come. */
  private static FloatVector zip(int from) {
    float[] lanes = new float[L];
    for (int i = 0; i < L; i++) {
      lanes[i] = from + i / 2 + i % 2 * L;
    }
    return FloatVector.fromArray(F, lanes, 0);
  }

  /** Interleaves pairs of rows {@code ldx} apart, so many whole vectors of columns, into pairs {@code 2 · ldOut} apart. */
  static void interleave(float[] x, int xOffset, int ldx, int columns, int pairs, float[] out, int outOffset, int ldOut) {
    for (int p = 0; p < pairs; p++) {
      int from = xOffset + 2 * p * ldx;
      int to = outOffset + 2 * p * ldOut;
      for (int i = 0; i < columns; i += L) {
        FloatVector a = FloatVector.fromArray(F, x, from + i);
        FloatVector b = FloatVector.fromArray(F, x, from + ldx + i);
        LOW.selectFrom(a, b).intoArray(out, to + 2 * i);
        HIGH.selectFrom(a, b).intoArray(out, to + 2 * i + L);
      }
    }
  }

  /**
   * Product of rows with a panel.
   *
   * @param x a pair of rows after another, of each a column after another
   * @param xOffset of the first pair's first column
   * @param ldx half of what lies between pairs
   * @param rows a multiple of twelve
   */
  static void multiply(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    for (int c = 0; c < Panels.ROWS; c += 2 * L) {
      long wc = wOffset + (long) c * Float.BYTES;
      for (int r = 0; r < rows; r += 12) {
        tile12(w, wc, k, x, xOffset + r * ldx, ldx, y, yOffset + r * ldy + c, ldy, accumulate);
      }
    }
  }

  private static void tile12(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    int x2 = xOffset + 2 * ldx;
    int x4 = xOffset + 4 * ldx;
    int x6 = xOffset + 6 * ldx;
    int x8 = xOffset + 8 * ldx;
    int x10 = xOffset + 10 * ldx;
    int y1 = yOffset + ldy;
    int y2 = yOffset + 2 * ldy;
    int y3 = yOffset + 3 * ldy;
    int y4 = yOffset + 4 * ldy;
    int y5 = yOffset + 5 * ldy;
    int y6 = yOffset + 6 * ldy;
    int y7 = yOffset + 7 * ldy;
    int y8 = yOffset + 8 * ldy;
    int y9 = yOffset + 9 * ldy;
    int y10 = yOffset + 10 * ldy;
    int y11 = yOffset + 11 * ldy;
    FloatVector a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7, a8, b8, a9, b9, a10, b10, a11, b11;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + L);
      a1 = FloatVector.fromArray(F, y, y1);
      b1 = FloatVector.fromArray(F, y, y1 + L);
      a2 = FloatVector.fromArray(F, y, y2);
      b2 = FloatVector.fromArray(F, y, y2 + L);
      a3 = FloatVector.fromArray(F, y, y3);
      b3 = FloatVector.fromArray(F, y, y3 + L);
      a4 = FloatVector.fromArray(F, y, y4);
      b4 = FloatVector.fromArray(F, y, y4 + L);
      a5 = FloatVector.fromArray(F, y, y5);
      b5 = FloatVector.fromArray(F, y, y5 + L);
      a6 = FloatVector.fromArray(F, y, y6);
      b6 = FloatVector.fromArray(F, y, y6 + L);
      a7 = FloatVector.fromArray(F, y, y7);
      b7 = FloatVector.fromArray(F, y, y7 + L);
      a8 = FloatVector.fromArray(F, y, y8);
      b8 = FloatVector.fromArray(F, y, y8 + L);
      a9 = FloatVector.fromArray(F, y, y9);
      b9 = FloatVector.fromArray(F, y, y9 + L);
      a10 = FloatVector.fromArray(F, y, y10);
      b10 = FloatVector.fromArray(F, y, y10 + L);
      a11 = FloatVector.fromArray(F, y, y11);
      b11 = FloatVector.fromArray(F, y, y11 + L);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
      a1 = b1 = zero;
      a2 = b2 = zero;
      a3 = b3 = zero;
      a4 = b4 = zero;
      a5 = b5 = zero;
      a6 = b6 = zero;
      a7 = b7 = zero;
      a8 = b8 = zero;
      a9 = b9 = zero;
      a10 = b10 = zero;
      a11 = b11 = zero;
    }
    for (int i = 0; i < k; i++) {
      long o = wOffset + (long) i * ROW;
      int at = 2 * i;
      FloatVector w0 = FloatVector.fromMemorySegment(F, w, o, LE);
      FloatVector w1 = FloatVector.fromMemorySegment(F, w, o + Simd.BYTES, LE);
      FloatVector v = FloatVector.broadcast(F, x[xOffset + at]);
      a0 = w0.fma(v, a0);
      b0 = w1.fma(v, b0);
      v = FloatVector.broadcast(F, x[xOffset + at + 1]);
      a1 = w0.fma(v, a1);
      b1 = w1.fma(v, b1);
      v = FloatVector.broadcast(F, x[x2 + at]);
      a2 = w0.fma(v, a2);
      b2 = w1.fma(v, b2);
      v = FloatVector.broadcast(F, x[x2 + at + 1]);
      a3 = w0.fma(v, a3);
      b3 = w1.fma(v, b3);
      v = FloatVector.broadcast(F, x[x4 + at]);
      a4 = w0.fma(v, a4);
      b4 = w1.fma(v, b4);
      v = FloatVector.broadcast(F, x[x4 + at + 1]);
      a5 = w0.fma(v, a5);
      b5 = w1.fma(v, b5);
      v = FloatVector.broadcast(F, x[x6 + at]);
      a6 = w0.fma(v, a6);
      b6 = w1.fma(v, b6);
      v = FloatVector.broadcast(F, x[x6 + at + 1]);
      a7 = w0.fma(v, a7);
      b7 = w1.fma(v, b7);
      v = FloatVector.broadcast(F, x[x8 + at]);
      a8 = w0.fma(v, a8);
      b8 = w1.fma(v, b8);
      v = FloatVector.broadcast(F, x[x8 + at + 1]);
      a9 = w0.fma(v, a9);
      b9 = w1.fma(v, b9);
      v = FloatVector.broadcast(F, x[x10 + at]);
      a10 = w0.fma(v, a10);
      b10 = w1.fma(v, b10);
      v = FloatVector.broadcast(F, x[x10 + at + 1]);
      a11 = w0.fma(v, a11);
      b11 = w1.fma(v, b11);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + L);
    a1.intoArray(y, y1);
    b1.intoArray(y, y1 + L);
    a2.intoArray(y, y2);
    b2.intoArray(y, y2 + L);
    a3.intoArray(y, y3);
    b3.intoArray(y, y3 + L);
    a4.intoArray(y, y4);
    b4.intoArray(y, y4 + L);
    a5.intoArray(y, y5);
    b5.intoArray(y, y5 + L);
    a6.intoArray(y, y6);
    b6.intoArray(y, y6 + L);
    a7.intoArray(y, y7);
    b7.intoArray(y, y7 + L);
    a8.intoArray(y, y8);
    b8.intoArray(y, y8 + L);
    a9.intoArray(y, y9);
    b9.intoArray(y, y9 + L);
    a10.intoArray(y, y10);
    b10.intoArray(y, y10 + L);
    a11.intoArray(y, y11);
    b11.intoArray(y, y11 + L);
  }
}
