package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Packed f32 matrix product on panels of 32 rows: {@code y[r][0..31] (+)= x[r] · panel}, the panel being {@code [k][32]}.
 *
 * <p>Each register tile keeps two vectors of accumulators per activation row and walks k once, in order, one fused
 * multiply-add per step. The result for a row therefore does not depend on how many rows share the pass: a decode and a
 * prefill of the same token give the same bits.
 */
final class F32Gemm {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int ROW = Panels.ROWS * Float.BYTES;

  /** 24 accumulators, {@link F32Interleaved}'s, fit the 32 registers of AVX-512 or NEON, 12 the 16 of AVX2. */
  static final boolean TALL = Simd.BITS != 256;

  private F32Gemm() {}

  static void multiply(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    if (L < 16 && rows % 2 == 1) {
      rows--;
      for (int c = 0; c < Panels.ROWS; c += 4 * L) {
        tile1Wide(w, wOffset + (long) c * Float.BYTES, k, x, xOffset + rows * ldx, y, yOffset + rows * ldy + c, accumulate);
      }
    }
    for (int c = 0; c < Panels.ROWS; c += 2 * L) {
      long wc = wOffset + (long) c * Float.BYTES;
      int r = 0;
      if (TALL) {
        for (; r + 8 <= rows; r += 8) {
          tile8(w, wc, k, x, xOffset + r * ldx, ldx, y, yOffset + r * ldy + c, ldy, accumulate);
        }
      }
      // Two rows alone wait for their own sums: eight are four and four.
      for (; r + 6 <= rows && rows - r != 8; r += 6) {
        tile6(w, wc, k, x, xOffset + r * ldx, ldx, y, yOffset + r * ldy + c, ldy, accumulate);
      }
      for (; r + 4 <= rows; r += 4) {
        tile4(w, wc, k, x, xOffset + r * ldx, ldx, y, yOffset + r * ldy + c, ldy, accumulate);
      }
      if (r + 2 <= rows) {
        tile2(w, wc, k, x, xOffset + r * ldx, ldx, y, yOffset + r * ldy + c, ldy, accumulate);
        r += 2;
      }
      if (r < rows) {
        tile1(w, wc, k, x, xOffset + r * ldx, y, yOffset + r * ldy + c, accumulate);
      }
    }
  }

  private static void tile8(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    int x1 = xOffset + ldx;
    int x2 = xOffset + 2 * ldx;
    int x3 = xOffset + 3 * ldx;
    int x4 = xOffset + 4 * ldx;
    int x5 = xOffset + 5 * ldx;
    int x6 = xOffset + 6 * ldx;
    int x7 = xOffset + 7 * ldx;
    int y1 = yOffset + ldy;
    int y2 = yOffset + 2 * ldy;
    int y3 = yOffset + 3 * ldy;
    int y4 = yOffset + 4 * ldy;
    int y5 = yOffset + 5 * ldy;
    int y6 = yOffset + 6 * ldy;
    int y7 = yOffset + 7 * ldy;
    FloatVector a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5, a6, b6, a7, b7;
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
    }
    for (int i = 0; i < k; i++) {
      long o = wOffset + (long) i * ROW;
      FloatVector w0 = FloatVector.fromMemorySegment(F, w, o, LE);
      FloatVector w1 = FloatVector.fromMemorySegment(F, w, o + Simd.BYTES, LE);
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = w0.fma(v, a0);
      b0 = w1.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i]);
      a1 = w0.fma(v, a1);
      b1 = w1.fma(v, b1);
      v = FloatVector.broadcast(F, x[x2 + i]);
      a2 = w0.fma(v, a2);
      b2 = w1.fma(v, b2);
      v = FloatVector.broadcast(F, x[x3 + i]);
      a3 = w0.fma(v, a3);
      b3 = w1.fma(v, b3);
      v = FloatVector.broadcast(F, x[x4 + i]);
      a4 = w0.fma(v, a4);
      b4 = w1.fma(v, b4);
      v = FloatVector.broadcast(F, x[x5 + i]);
      a5 = w0.fma(v, a5);
      b5 = w1.fma(v, b5);
      v = FloatVector.broadcast(F, x[x6 + i]);
      a6 = w0.fma(v, a6);
      b6 = w1.fma(v, b6);
      v = FloatVector.broadcast(F, x[x7 + i]);
      a7 = w0.fma(v, a7);
      b7 = w1.fma(v, b7);
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
  }

  private static void tile6(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    int x1 = xOffset + ldx;
    int x2 = xOffset + 2 * ldx;
    int x3 = xOffset + 3 * ldx;
    int x4 = xOffset + 4 * ldx;
    int x5 = xOffset + 5 * ldx;
    int y1 = yOffset + ldy;
    int y2 = yOffset + 2 * ldy;
    int y3 = yOffset + 3 * ldy;
    int y4 = yOffset + 4 * ldy;
    int y5 = yOffset + 5 * ldy;
    FloatVector a0, b0, a1, b1, a2, b2, a3, b3, a4, b4, a5, b5;
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
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
      a1 = b1 = zero;
      a2 = b2 = zero;
      a3 = b3 = zero;
      a4 = b4 = zero;
      a5 = b5 = zero;
    }
    for (int i = 0; i < k; i++) {
      long o = wOffset + (long) i * ROW;
      FloatVector w0 = FloatVector.fromMemorySegment(F, w, o, LE);
      FloatVector w1 = FloatVector.fromMemorySegment(F, w, o + Simd.BYTES, LE);
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = w0.fma(v, a0);
      b0 = w1.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i]);
      a1 = w0.fma(v, a1);
      b1 = w1.fma(v, b1);
      v = FloatVector.broadcast(F, x[x2 + i]);
      a2 = w0.fma(v, a2);
      b2 = w1.fma(v, b2);
      v = FloatVector.broadcast(F, x[x3 + i]);
      a3 = w0.fma(v, a3);
      b3 = w1.fma(v, b3);
      v = FloatVector.broadcast(F, x[x4 + i]);
      a4 = w0.fma(v, a4);
      b4 = w1.fma(v, b4);
      v = FloatVector.broadcast(F, x[x5 + i]);
      a5 = w0.fma(v, a5);
      b5 = w1.fma(v, b5);
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
  }

  private static void tile4(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    int x1 = xOffset + ldx;
    int x2 = xOffset + 2 * ldx;
    int x3 = xOffset + 3 * ldx;
    int y1 = yOffset + ldy;
    int y2 = yOffset + 2 * ldy;
    int y3 = yOffset + 3 * ldy;
    FloatVector a0, b0, a1, b1, a2, b2, a3, b3;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + L);
      a1 = FloatVector.fromArray(F, y, y1);
      b1 = FloatVector.fromArray(F, y, y1 + L);
      a2 = FloatVector.fromArray(F, y, y2);
      b2 = FloatVector.fromArray(F, y, y2 + L);
      a3 = FloatVector.fromArray(F, y, y3);
      b3 = FloatVector.fromArray(F, y, y3 + L);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
      a1 = b1 = zero;
      a2 = b2 = zero;
      a3 = b3 = zero;
    }
    for (int i = 0; i < k; i++) {
      long o = wOffset + (long) i * ROW;
      FloatVector w0 = FloatVector.fromMemorySegment(F, w, o, LE);
      FloatVector w1 = FloatVector.fromMemorySegment(F, w, o + Simd.BYTES, LE);
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = w0.fma(v, a0);
      b0 = w1.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i]);
      a1 = w0.fma(v, a1);
      b1 = w1.fma(v, b1);
      v = FloatVector.broadcast(F, x[x2 + i]);
      a2 = w0.fma(v, a2);
      b2 = w1.fma(v, b2);
      v = FloatVector.broadcast(F, x[x3 + i]);
      a3 = w0.fma(v, a3);
      b3 = w1.fma(v, b3);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + L);
    a1.intoArray(y, y1);
    b1.intoArray(y, y1 + L);
    a2.intoArray(y, y2);
    b2.intoArray(y, y2 + L);
    a3.intoArray(y, y3);
    b3.intoArray(y, y3 + L);
  }

  private static void tile2(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    int x1 = xOffset + ldx;
    int y1 = yOffset + ldy;
    FloatVector a0, b0, a1, b1;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + L);
      a1 = FloatVector.fromArray(F, y, y1);
      b1 = FloatVector.fromArray(F, y, y1 + L);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
      a1 = b1 = zero;
    }
    for (int i = 0; i < k; i++) {
      long o = wOffset + (long) i * ROW;
      FloatVector w0 = FloatVector.fromMemorySegment(F, w, o, LE);
      FloatVector w1 = FloatVector.fromMemorySegment(F, w, o + Simd.BYTES, LE);
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = w0.fma(v, a0);
      b0 = w1.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i]);
      a1 = w0.fma(v, a1);
      b1 = w1.fma(v, b1);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + L);
    a1.intoArray(y, y1);
    b1.intoArray(y, y1 + L);
  }

  private static void tile1(MemorySegment w, long wOffset, int k, float[] x, int xOffset, float[] y, int yOffset,
      boolean accumulate) {
    FloatVector a0, b0;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + L);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
    }
    for (int i = 0; i < k; i++) {
      long o = wOffset + (long) i * ROW;
      FloatVector w0 = FloatVector.fromMemorySegment(F, w, o, LE);
      FloatVector w1 = FloatVector.fromMemorySegment(F, w, o + Simd.BYTES, LE);
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = w0.fma(v, a0);
      b0 = w1.fma(v, b0);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + L);
  }

  /** The last of an odd number of rows by four vectors, the whole panel at 256 bits: so that memory is read in order. */
  private static void tile1Wide(MemorySegment w, long wOffset, int k, float[] x, int xOffset, float[] y, int yOffset,
      boolean accumulate) {
    FloatVector a0, b0, c0, d0;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + L);
      c0 = FloatVector.fromArray(F, y, yOffset + 2 * L);
      d0 = FloatVector.fromArray(F, y, yOffset + 3 * L);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = c0 = d0 = zero;
    }
    for (int i = 0; i < k; i++) {
      long o = wOffset + (long) i * ROW;
      FloatVector v0 = FloatVector.broadcast(F, x[xOffset + i]);
      FloatVector weights = FloatVector.fromMemorySegment(F, w, o, LE);
      a0 = weights.fma(v0, a0);
      weights = FloatVector.fromMemorySegment(F, w, o + Simd.BYTES, LE);
      b0 = weights.fma(v0, b0);
      weights = FloatVector.fromMemorySegment(F, w, o + 2 * Simd.BYTES, LE);
      c0 = weights.fma(v0, c0);
      weights = FloatVector.fromMemorySegment(F, w, o + 3 * Simd.BYTES, LE);
      d0 = weights.fma(v0, d0);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + L);
    c0.intoArray(y, yOffset + 2 * L);
    d0.intoArray(y, yOffset + 3 * L);
  }

  /**
   * One row times three panels. Panels that are far apart in memory are streams, of which a core reads several faster
   * than one: each has its own prefetching.
   */
  static void multiplyThree(MemorySegment w, long aOffset, long bOffset, long cOffset, int k, float[] x, int xOffset,
      float[] y, int aTo, int bTo, int cTo) {
    if (L == 16) {
      tile1ThreeWhole(w, aOffset, bOffset, cOffset, k, x, xOffset, y, aTo, bTo, cTo);
      return;
    }
    for (int r = 0; r < Panels.ROWS; r += 4 * L) {
      long part = (long) r * Float.BYTES;
      tile1Three(w, aOffset + part, bOffset + part, cOffset + part, k, x, xOffset, y, aTo + r, bTo + r, cTo + r);
    }
  }

  private static void tile1Three(MemorySegment w, long aOffset, long bOffset, long cOffset, int k, float[] x, int xOffset,
      float[] y, int aTo, int bTo, int cTo) {
    FloatVector a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3;
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = FloatVector.zero(F);
    for (int i = 0; i < k; i++) {
      long o = (long) i * ROW;
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = FloatVector.fromMemorySegment(F, w, aOffset + o, LE).fma(v, a0);
      a1 = FloatVector.fromMemorySegment(F, w, aOffset + o + Simd.BYTES, LE).fma(v, a1);
      a2 = FloatVector.fromMemorySegment(F, w, aOffset + o + 2 * Simd.BYTES, LE).fma(v, a2);
      a3 = FloatVector.fromMemorySegment(F, w, aOffset + o + 3 * Simd.BYTES, LE).fma(v, a3);
      b0 = FloatVector.fromMemorySegment(F, w, bOffset + o, LE).fma(v, b0);
      b1 = FloatVector.fromMemorySegment(F, w, bOffset + o + Simd.BYTES, LE).fma(v, b1);
      b2 = FloatVector.fromMemorySegment(F, w, bOffset + o + 2 * Simd.BYTES, LE).fma(v, b2);
      b3 = FloatVector.fromMemorySegment(F, w, bOffset + o + 3 * Simd.BYTES, LE).fma(v, b3);
      c0 = FloatVector.fromMemorySegment(F, w, cOffset + o, LE).fma(v, c0);
      c1 = FloatVector.fromMemorySegment(F, w, cOffset + o + Simd.BYTES, LE).fma(v, c1);
      c2 = FloatVector.fromMemorySegment(F, w, cOffset + o + 2 * Simd.BYTES, LE).fma(v, c2);
      c3 = FloatVector.fromMemorySegment(F, w, cOffset + o + 3 * Simd.BYTES, LE).fma(v, c3);
    }
    a0.intoArray(y, aTo);
    a1.intoArray(y, aTo + L);
    a2.intoArray(y, aTo + 2 * L);
    a3.intoArray(y, aTo + 3 * L);
    b0.intoArray(y, bTo);
    b1.intoArray(y, bTo + L);
    b2.intoArray(y, bTo + 2 * L);
    b3.intoArray(y, bTo + 3 * L);
    c0.intoArray(y, cTo);
    c1.intoArray(y, cTo + L);
    c2.intoArray(y, cTo + 2 * L);
    c3.intoArray(y, cTo + 3 * L);
  }

  /** All rows of the panels, at 512 bits. */
  private static void tile1ThreeWhole(MemorySegment w, long aOffset, long bOffset, long cOffset, int k, float[] x,
      int xOffset, float[] y, int aTo, int bTo, int cTo) {
    FloatVector a0, a1, b0, b1, c0, c1;
    a0 = a1 = b0 = b1 = c0 = c1 = FloatVector.zero(F);
    for (int i = 0; i < k; i++) {
      long o = (long) i * ROW;
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = FloatVector.fromMemorySegment(F, w, aOffset + o, LE).fma(v, a0);
      a1 = FloatVector.fromMemorySegment(F, w, aOffset + o + Simd.BYTES, LE).fma(v, a1);
      b0 = FloatVector.fromMemorySegment(F, w, bOffset + o, LE).fma(v, b0);
      b1 = FloatVector.fromMemorySegment(F, w, bOffset + o + Simd.BYTES, LE).fma(v, b1);
      c0 = FloatVector.fromMemorySegment(F, w, cOffset + o, LE).fma(v, c0);
      c1 = FloatVector.fromMemorySegment(F, w, cOffset + o + Simd.BYTES, LE).fma(v, c1);
    }
    a0.intoArray(y, aTo);
    a1.intoArray(y, aTo + 16);
    b0.intoArray(y, bTo);
    b1.intoArray(y, bTo + 16);
    c0.intoArray(y, cTo);
    c1.intoArray(y, cTo + 16);
  }
}
