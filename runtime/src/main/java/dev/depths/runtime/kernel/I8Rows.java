package dev.depths.runtime.kernel;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Byte panels times a few rows of integer activations, at 512 bits. Codes become floats in registers, once for four rows: a
 * block's sum of products of integers stays below 2^24, so floats give it exactly, and a multiply-add does in one step what
 * {@link I8Gemv} needs four for. The results are its bits.
 */
final class I8Rows {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private static final int WEIGHTS = PanelFormat.I8.weightBytes();
  private static final float BIAS = PanelFormat.I8.bias();

  private I8Rows() {}

  /** As {@link Kernels#panelsGemv}; each row, or as many as share a kernel, passes over all panels. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    for (int r = 0; r < rows; r += 4) {
      int at = yOffset + r * ldy;
      int n = Math.min(4, rows - r);
      if (n == 1) {
        I8Gemv.pairs(w, from, to, x, row + r, y, at);
        continue;
      }
      for (int p = from; p < to; p++) {
        four(w.data(), w.offset(p), x, row + r, n, y, at + (p - from) * Panels.ROWS, ldy);
      }
    }
  }

  /** A panel times two to four rows; of fewer than four the last is multiplied again. */
  private static void four(MemorySegment w, long offset, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    float[] codes = x.codes;
    float[] scales = x.scales;
    int stride = x.stride;
    int k0 = row * stride;
    int k1 = k0 + stride;
    int k2 = k0 + Math.min(2, rows - 1) * stride;
    int k3 = k0 + (rows - 1) * stride;
    FloatVector a0 = FloatVector.zero(F);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector b2 = a0;
    FloatVector b3 = a0;
    long o = offset;
    int stop = k0 + x.columns;
    while (k0 != stop) {
      FloatVector s0 = FloatVector.zero(F);
      FloatVector s1 = s0;
      FloatVector s2 = s0;
      FloatVector s3 = s0;
      FloatVector t0 = s0;
      FloatVector t1 = s0;
      FloatVector t2 = s0;
      FloatVector t3 = s0;
      float scale0 = scales[k0 / Panels.BLOCK] * Halves.SCALE_OF_FACTOR;
      float scale1 = scales[k1 / Panels.BLOCK] * Halves.SCALE_OF_FACTOR;
      float scale2 = scales[k2 / Panels.BLOCK] * Halves.SCALE_OF_FACTOR;
      float scale3 = scales[k3 / Panels.BLOCK] * Halves.SCALE_OF_FACTOR;
      long end = o + WEIGHTS;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, o, LE);
        FloatVector v;
        FloatVector a = ((FloatVector) n.and(255).convert(I2F, 0)).sub(BIAS);
        FloatVector b = ((FloatVector) n.lanewise(LSHR, 16).and(255).convert(I2F, 0)).sub(BIAS);
        v = FloatVector.broadcast(F, codes[k0]);
        s0 = a.fma(v, s0);
        t0 = b.fma(v, t0);
        v = FloatVector.broadcast(F, codes[k1]);
        s1 = a.fma(v, s1);
        t1 = b.fma(v, t1);
        v = FloatVector.broadcast(F, codes[k2]);
        s2 = a.fma(v, s2);
        t2 = b.fma(v, t2);
        v = FloatVector.broadcast(F, codes[k3]);
        s3 = a.fma(v, s3);
        t3 = b.fma(v, t3);
        a = ((FloatVector) n.lanewise(LSHR, 8).and(255).convert(I2F, 0)).sub(BIAS);
        b = ((FloatVector) n.lanewise(LSHR, 24).convert(I2F, 0)).sub(BIAS);
        v = FloatVector.broadcast(F, codes[k0 + 1]);
        s0 = a.fma(v, s0);
        t0 = b.fma(v, t0);
        v = FloatVector.broadcast(F, codes[k1 + 1]);
        s1 = a.fma(v, s1);
        t1 = b.fma(v, t1);
        v = FloatVector.broadcast(F, codes[k2 + 1]);
        s2 = a.fma(v, s2);
        t2 = b.fma(v, t2);
        v = FloatVector.broadcast(F, codes[k3 + 1]);
        s3 = a.fma(v, s3);
        t3 = b.fma(v, t3);
        k0 += 2;
        k1 += 2;
        k2 += 2;
        k3 += 2;
        o += Panels.LANE_BYTES;
      } while (o != end);
      IntVector d = IntVector.fromMemorySegment(I, w, o, LE);
      FloatVector low = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
      FloatVector high = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
      a0 = s0.fma(low.mul(scale0), a0);
      b0 = t0.fma(high.mul(scale0), b0);
      a1 = s1.fma(low.mul(scale1), a1);
      b1 = t1.fma(high.mul(scale1), b1);
      a2 = s2.fma(low.mul(scale2), a2);
      b2 = t2.fma(high.mul(scale2), b2);
      a3 = s3.fma(low.mul(scale3), a3);
      b3 = t3.fma(high.mul(scale3), b3);
      o += Panels.LANE_BYTES;
    }
    int y1 = yOffset + ldy;
    int y2 = yOffset + Math.min(2, rows - 1) * ldy;
    int y3 = yOffset + (rows - 1) * ldy;
    a0.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset);
    b0.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + 16);
    a1.mul(Halves.SCALE_OF_SUM).intoArray(y, y1);
    b1.mul(Halves.SCALE_OF_SUM).intoArray(y, y1 + 16);
    a2.mul(Halves.SCALE_OF_SUM).intoArray(y, y2);
    b2.mul(Halves.SCALE_OF_SUM).intoArray(y, y2 + 16);
    a3.mul(Halves.SCALE_OF_SUM).intoArray(y, y3);
    b3.mul(Halves.SCALE_OF_SUM).intoArray(y, y3 + 16);
  }
}
