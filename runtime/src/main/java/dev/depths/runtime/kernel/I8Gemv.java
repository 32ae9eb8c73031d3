package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Int8 panels times integer activations. Two products of one row are summed in a short lane, which cannot overflow since
 * {@link Quantize} keeps {@code |q| + |q'|} below 256 (128 · 255 = 32640), and widened to int.
 */
final class I8Gemv {
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private I8Gemv() {}

  static void multiply(MemorySegment w, long wOffset, PanelFormat format, Activations x, int row, int rows, float[] y,
      int yOffset, int ldy) {
    int block = format.block();
    int blocks = x.columns / block;
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < 16; v += L) {
        one(w, wOffset, v, blocks, block, format.hasMin(), x.q, x.scales, x.sums, (row + r) * x.stride, y,
            yOffset + r * ldy + v);
      }
    }
  }

  private static void one(MemorySegment w, long wOffset, int v, int blocks, int block, boolean min, short[] q,
      float[] scales, int[] sums, int xOffset, float[] y, int yOffset) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    long o = wOffset + v * 4L;
    for (int b = 0; b < blocks; b++) {
      int k = xOffset + b * block;
      IntVector accEven = IntVector.zero(I);
      IntVector accOdd = accEven;
      for (int h = 0; h < block; h += 16) {
        for (int g = 0; g < 16; g += 2) {
          ShortVector n = ShortVector.fromMemorySegment(S, w, o, LE);
          o += Panels.LANE_BYTES;
          ShortVector p = low(n).mul(q[k + h + g]).add(high(n).mul(q[k + h + g + 1]));
          accEven = accEven.add(Simd.evenLanes(p));
          accOdd = accOdd.add(Simd.oddLanes(p));
        }
      }
      float scale = scales[k / Panels.BLOCK];
      even = toFloat(accEven).fma(floats(w, o).mul(scale), even);
      odd = toFloat(accOdd).fma(floats(w, o + 64).mul(scale), odd);
      o += Panels.FLOAT_BYTES;
      if (min) {
        // No helper in a branch that may have been cold when the method was compiled: it would not be inlined, and box.
        FloatVector xs = FloatVector.broadcast(F, sum(sums, k, block) * scale);
        even = FloatVector.fromMemorySegment(F, w, o, LE).fma(xs, even);
        odd = FloatVector.fromMemorySegment(F, w, o + 64, LE).fma(xs, odd);
        o += Panels.FLOAT_BYTES;
      }
    }
    even.intoArray(y, yOffset);
    odd.intoArray(y, yOffset + 16);
  }

  private static int sum(int[] sums, int k, int block) {
    int i = k / (Panels.BLOCK / 2);
    return block == Panels.BLOCK ? sums[i] + sums[i + 1] : sums[i];
  }

  private static ShortVector low(ShortVector n) {
    return n.lanewise(VectorOperators.LSHL, 8).lanewise(VectorOperators.ASHR, 8);
  }

  private static ShortVector high(ShortVector n) {
    return n.lanewise(VectorOperators.ASHR, 8);
  }

  private static FloatVector floats(MemorySegment w, long offset) {
    return FloatVector.fromMemorySegment(F, w, offset, LE);
  }

  private static FloatVector toFloat(IntVector v) {
    return (FloatVector) v.convert(VectorOperators.I2F, 0);
  }
}
