package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Nibble panels times integer activations. A short lane accumulates a whole block of 32 products of one row modulo 2^16:
 * the sum of {@code nibble · q} may overflow, but {@code sum((nibble - 8) · q)} lies within ±32760, since {@link Quantize}
 * keeps {@code sum |q|} below 4096; so subtracting {@code 8 · sum(q)}, also modulo 2^16, gives it exactly.
 */
final class I4Gemv {
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final short LOW = 15;
  private static final int WEIGHT_BYTES = PanelFormat.I4.weightBytes();

  private I4Gemv() {}

  static void multiply(MemorySegment w, long wOffset, boolean min, Activations x, int row, int rows, float[] y,
      int yOffset, int ldy) {
    int blocks = x.columns / Panels.BLOCK;
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < 16; v += L) {
        one(w, wOffset, v, blocks, min, x.q, x.scales, x.sums, (row + r) * x.stride, y, yOffset + r * ldy + v);
      }
    }
  }

  private static void one(MemorySegment w, long wOffset, int v, int blocks, boolean min, short[] q, float[] scales,
      int[] sums, int xOffset, float[] y, int yOffset) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    int stride = min ? PanelFormat.I4_MIN.blockBytes() : PanelFormat.I4.blockBytes();
    int sOffset = xOffset / Panels.BLOCK;
    for (int b = 0; b < blocks; b++) {
      long o = wOffset + (long) b * stride + v * 4L;
      int k = xOffset + b * Panels.BLOCK;
      ShortVector acc = ShortVector.zero(S);
      for (int g = 0; g < 8; g++) {
        acc = acc.add(four(load(w, o + g * 64L), q, k + 4 * g));
      }
      int sum = sums[2 * (sOffset + b)] + sums[2 * (sOffset + b) + 1];
      float scale = scales[sOffset + b];
      acc = acc.sub((short) (8 * sum));
      long d = wOffset + (long) b * stride + WEIGHT_BYTES + v * 4L;
      even = toFloat(Simd.evenLanes(acc)).fma(floats(w, d).mul(scale), even);
      odd = toFloat(Simd.oddLanes(acc)).fma(floats(w, d + 64).mul(scale), odd);
      if (min) {
        // No helper in a branch that may have been cold when the method was compiled: it would not be inlined, and box.
        FloatVector xs = FloatVector.broadcast(F, sum * scale);
        even = FloatVector.fromMemorySegment(F, w, d + 128, LE).fma(xs, even);
        odd = FloatVector.fromMemorySegment(F, w, d + 192, LE).fma(xs, odd);
      }
    }
    even.intoArray(y, yOffset);
    odd.intoArray(y, yOffset + 16);
  }

  private static ShortVector load(MemorySegment w, long offset) {
    return ShortVector.fromMemorySegment(S, w, offset, LE);
  }

  private static FloatVector floats(MemorySegment w, long offset) {
    return FloatVector.fromMemorySegment(F, w, offset, LE);
  }

  private static FloatVector toFloat(IntVector v) {
    return (FloatVector) v.convert(VectorOperators.I2F, 0);
  }

  /** Products of the four nibbles of each lane with four activations, summed. */
  private static ShortVector four(ShortVector n, short[] q, int k) {
    ShortVector p0 = n.and(LOW).mul(q[k]);
    ShortVector p1 = n.lanewise(VectorOperators.LSHR, 4).and(LOW).mul(q[k + 1]);
    ShortVector p2 = n.lanewise(VectorOperators.LSHR, 8).and(LOW).mul(q[k + 2]);
    ShortVector p3 = n.lanewise(VectorOperators.LSHR, 12).mul(q[k + 3]);
    return p0.add(p1).add(p2.add(p3));
  }
}
