package dev.depths.runtime.kernel;

import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** As {@link F16Gemm}, for panels of bfloat16: a half of an int lane, moved to the top of a lane of its own, is the float. */
final class Bf16Gemm {
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int HIGH_BITS = 0xffff0000;

  private Bf16Gemm() {}

  static void multiply(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    if (L < 16 && rows % 4 == 1) {
      rows--;
      for (int c = 0; c < Panels.ROWS / 2; c += 2 * L) {
        tile1Wide(w, wOffset + (long) c * Integer.BYTES, k, x, xOffset + rows * ldx, y, yOffset + rows * ldy + c, accumulate);
      }
    }
    for (int c = 0; c < Panels.ROWS / 2; c += L) {
      long wc = wOffset + (long) c * Integer.BYTES;
      int r = 0;
      for (; r + 4 <= rows; r += 4) {
        tile4(w, wc, k, x, xOffset + r * ldx, ldx, y, yOffset + r * ldy + c, ldy, accumulate);
      }
      switch (rows - r) {
        case 3 -> tile3(w, wc, k, x, xOffset + r * ldx, ldx, y, yOffset + r * ldy + c, ldy, accumulate);
        case 2 -> tile2(w, wc, k, x, xOffset + r * ldx, ldx, y, yOffset + r * ldy + c, ldy, accumulate);
        case 1 -> tile1(w, wc, k, x, xOffset + r * ldx, y, yOffset + r * ldy + c, accumulate);
        default -> { }
      }
    }
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
      b0 = FloatVector.fromArray(F, y, yOffset + 16);
      a1 = FloatVector.fromArray(F, y, y1);
      b1 = FloatVector.fromArray(F, y, y1 + 16);
      a2 = FloatVector.fromArray(F, y, y2);
      b2 = FloatVector.fromArray(F, y, y2 + 16);
      a3 = FloatVector.fromArray(F, y, y3);
      b3 = FloatVector.fromArray(F, y, y3 + 16);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
      a1 = b1 = zero;
      a2 = b2 = zero;
      a3 = b3 = zero;
    }
    for (int i = 0; i < k; i++) {
      IntVector n = IntVector.fromMemorySegment(I, w, wOffset + (long) i * Panels.LANE_BYTES, LE);
      FloatVector low = n.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = n.and(HIGH_BITS).reinterpretAsFloats();
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = low.fma(v, a0);
      b0 = high.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i]);
      a1 = low.fma(v, a1);
      b1 = high.fma(v, b1);
      v = FloatVector.broadcast(F, x[x2 + i]);
      a2 = low.fma(v, a2);
      b2 = high.fma(v, b2);
      v = FloatVector.broadcast(F, x[x3 + i]);
      a3 = low.fma(v, a3);
      b3 = high.fma(v, b3);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + 16);
    a1.intoArray(y, y1);
    b1.intoArray(y, y1 + 16);
    a2.intoArray(y, y2);
    b2.intoArray(y, y2 + 16);
    a3.intoArray(y, y3);
    b3.intoArray(y, y3 + 16);
  }

  private static void tile3(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    int x1 = xOffset + ldx;
    int x2 = xOffset + 2 * ldx;
    int y1 = yOffset + ldy;
    int y2 = yOffset + 2 * ldy;
    FloatVector a0, b0, a1, b1, a2, b2;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + 16);
      a1 = FloatVector.fromArray(F, y, y1);
      b1 = FloatVector.fromArray(F, y, y1 + 16);
      a2 = FloatVector.fromArray(F, y, y2);
      b2 = FloatVector.fromArray(F, y, y2 + 16);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
      a1 = b1 = zero;
      a2 = b2 = zero;
    }
    for (int i = 0; i < k - 1; i += 2) {
      IntVector n = IntVector.fromMemorySegment(I, w, wOffset + (long) i * Panels.LANE_BYTES, LE);
      FloatVector low = n.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = n.and(HIGH_BITS).reinterpretAsFloats();
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = low.fma(v, a0);
      b0 = high.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i]);
      a1 = low.fma(v, a1);
      b1 = high.fma(v, b1);
      v = FloatVector.broadcast(F, x[x2 + i]);
      a2 = low.fma(v, a2);
      b2 = high.fma(v, b2);
      n = IntVector.fromMemorySegment(I, w, wOffset + (i + 1L) * Panels.LANE_BYTES, LE);
      low = n.lanewise(LSHL, 16).reinterpretAsFloats();
      high = n.and(HIGH_BITS).reinterpretAsFloats();
      v = FloatVector.broadcast(F, x[xOffset + i + 1]);
      a0 = low.fma(v, a0);
      b0 = high.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i + 1]);
      a1 = low.fma(v, a1);
      b1 = high.fma(v, b1);
      v = FloatVector.broadcast(F, x[x2 + i + 1]);
      a2 = low.fma(v, a2);
      b2 = high.fma(v, b2);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + 16);
    a1.intoArray(y, y1);
    b1.intoArray(y, y1 + 16);
    a2.intoArray(y, y2);
    b2.intoArray(y, y2 + 16);
    if (k % 2 != 0) {
      long last = wOffset + (k - 1L) * Panels.LANE_BYTES;
      tile1(w, last, 1, x, xOffset + k - 1, y, yOffset, true);
      tile1(w, last, 1, x, x1 + k - 1, y, y1, true);
      tile1(w, last, 1, x, x2 + k - 1, y, y2, true);
    }
  }

  private static void tile2(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    int x1 = xOffset + ldx;
    int y1 = yOffset + ldy;
    FloatVector a0, b0, a1, b1;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + 16);
      a1 = FloatVector.fromArray(F, y, y1);
      b1 = FloatVector.fromArray(F, y, y1 + 16);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
      a1 = b1 = zero;
    }
    for (int i = 0; i < k - 1; i += 2) {
      IntVector n = IntVector.fromMemorySegment(I, w, wOffset + (long) i * Panels.LANE_BYTES, LE);
      FloatVector low = n.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = n.and(HIGH_BITS).reinterpretAsFloats();
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = low.fma(v, a0);
      b0 = high.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i]);
      a1 = low.fma(v, a1);
      b1 = high.fma(v, b1);
      n = IntVector.fromMemorySegment(I, w, wOffset + (i + 1L) * Panels.LANE_BYTES, LE);
      low = n.lanewise(LSHL, 16).reinterpretAsFloats();
      high = n.and(HIGH_BITS).reinterpretAsFloats();
      v = FloatVector.broadcast(F, x[xOffset + i + 1]);
      a0 = low.fma(v, a0);
      b0 = high.fma(v, b0);
      v = FloatVector.broadcast(F, x[x1 + i + 1]);
      a1 = low.fma(v, a1);
      b1 = high.fma(v, b1);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + 16);
    a1.intoArray(y, y1);
    b1.intoArray(y, y1 + 16);
    if (k % 2 != 0) {
      long last = wOffset + (k - 1L) * Panels.LANE_BYTES;
      tile1(w, last, 1, x, xOffset + k - 1, y, yOffset, true);
      tile1(w, last, 1, x, x1 + k - 1, y, y1, true);
    }
  }

  private static void tile1(MemorySegment w, long wOffset, int k, float[] x, int xOffset, float[] y, int yOffset,
      boolean accumulate) {
    FloatVector a0, b0;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + 16);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
    }
    for (int i = 0; i < k; i++) {
      IntVector n = IntVector.fromMemorySegment(I, w, wOffset + (long) i * Panels.LANE_BYTES, LE);
      FloatVector low = n.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector high = n.and(HIGH_BITS).reinterpretAsFloats();
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      a0 = low.fma(v, a0);
      b0 = high.fma(v, b0);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + 16);
  }

  /** A last row alone by two vectors of panel rows, all of them at 256 bits: so that memory is read in order. */
  private static void tile1Wide(MemorySegment w, long wOffset, int k, float[] x, int xOffset, float[] y, int yOffset,
      boolean accumulate) {
    FloatVector a0, b0, a1, b1;
    if (accumulate) {
      a0 = FloatVector.fromArray(F, y, yOffset);
      b0 = FloatVector.fromArray(F, y, yOffset + 16);
      a1 = FloatVector.fromArray(F, y, yOffset + L);
      b1 = FloatVector.fromArray(F, y, yOffset + L + 16);
    } else {
      FloatVector zero = FloatVector.zero(F);
      a0 = b0 = zero;
      a1 = b1 = zero;
    }
    for (int i = 0; i < k; i++) {
      long o = wOffset + (long) i * Panels.LANE_BYTES;
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      IntVector n0 = IntVector.fromMemorySegment(I, w, o, LE);
      a0 = n0.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, a0);
      b0 = n0.and(HIGH_BITS).reinterpretAsFloats().fma(v, b0);
      IntVector n1 = IntVector.fromMemorySegment(I, w, o + Simd.BYTES, LE);
      a1 = n1.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, a1);
      b1 = n1.and(HIGH_BITS).reinterpretAsFloats().fma(v, b1);
    }
    a0.intoArray(y, yOffset);
    b0.intoArray(y, yOffset + 16);
    a1.intoArray(y, yOffset + L);
    b1.intoArray(y, yOffset + L + 16);
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
    for (int r = 0; r < Panels.ROWS / 2; r += 2 * L) {
      long part = (long) r * Integer.BYTES;
      tile1Three(w, aOffset + part, bOffset + part, cOffset + part, k, x, xOffset, y, aTo + r, bTo + r, cTo + r);
    }
  }

  private static void tile1Three(MemorySegment w, long aOffset, long bOffset, long cOffset, int k, float[] x, int xOffset,
      float[] y, int aTo, int bTo, int cTo) {
    FloatVector a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3;
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = FloatVector.zero(F);
    for (int i = 0; i < k; i++) {
      long o = (long) i * Panels.LANE_BYTES;
      FloatVector v = FloatVector.broadcast(F, x[xOffset + i]);
      IntVector n;
      n = IntVector.fromMemorySegment(I, w, aOffset + o, LE);
      a0 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, a0);
      a1 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, a1);
      n = IntVector.fromMemorySegment(I, w, aOffset + o + Simd.BYTES, LE);
      a2 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, a2);
      a3 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, a3);
      n = IntVector.fromMemorySegment(I, w, bOffset + o, LE);
      b0 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, b0);
      b1 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, b1);
      n = IntVector.fromMemorySegment(I, w, bOffset + o + Simd.BYTES, LE);
      b2 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, b2);
      b3 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, b3);
      n = IntVector.fromMemorySegment(I, w, cOffset + o, LE);
      c0 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, c0);
      c1 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, c1);
      n = IntVector.fromMemorySegment(I, w, cOffset + o + Simd.BYTES, LE);
      c2 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, c2);
      c3 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, c3);
    }
    a0.intoArray(y, aTo);
    a1.intoArray(y, aTo + 16);
    a2.intoArray(y, aTo + L);
    a3.intoArray(y, aTo + L + 16);
    b0.intoArray(y, bTo);
    b1.intoArray(y, bTo + 16);
    b2.intoArray(y, bTo + L);
    b3.intoArray(y, bTo + L + 16);
    c0.intoArray(y, cTo);
    c1.intoArray(y, cTo + 16);
    c2.intoArray(y, cTo + L);
    c3.intoArray(y, cTo + L + 16);
  }

  /**
   * All rows of the panels, at 512 bits. Its loop ends by {@code !=}: a counted one C2 unrolls this way in one JVM and that
   * way in the next, where it takes a third longer.
   */
  private static void tile1ThreeWhole(MemorySegment w, long aOffset, long bOffset, long cOffset, int k, float[] x,
      int xOffset, float[] y, int aTo, int bTo, int cTo) {
    FloatVector a0, a1, b0, b1, c0, c1;
    a0 = a1 = b0 = b1 = c0 = c1 = FloatVector.zero(F);
    long end = (long) k * Panels.LANE_BYTES;
    long o = 0;
    int i = xOffset;
    do {
      FloatVector v = FloatVector.broadcast(F, x[i]);
      IntVector n;
      n = IntVector.fromMemorySegment(I, w, aOffset + o, LE);
      a0 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, a0);
      a1 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, a1);
      n = IntVector.fromMemorySegment(I, w, bOffset + o, LE);
      b0 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, b0);
      b1 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, b1);
      n = IntVector.fromMemorySegment(I, w, cOffset + o, LE);
      c0 = n.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, c0);
      c1 = n.and(HIGH_BITS).reinterpretAsFloats().fma(v, c1);
      i++;
      o += Panels.LANE_BYTES;
    } while (o != end);
    a0.intoArray(y, aTo);
    a1.intoArray(y, aTo + 16);
    b0.intoArray(y, bTo);
    b1.intoArray(y, bTo + 16);
    c0.intoArray(y, cTo);
    c1.intoArray(y, cTo + 16);
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
      long o = (long) i * Panels.LANE_BYTES;
      IntVector a = IntVector.fromMemorySegment(I, w, aOffset + o, LE);
      FloatVector a0 = a.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector a1 = a.and(HIGH_BITS).reinterpretAsFloats();
      IntVector b = IntVector.fromMemorySegment(I, w, bOffset + o, LE);
      FloatVector b0 = b.lanewise(LSHL, 16).reinterpretAsFloats();
      FloatVector b1 = b.and(HIGH_BITS).reinterpretAsFloats();
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
