package dev.depths.runtime.kernel;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Nibble panels times integer activations. A short lane accumulates the products of one row over a whole block modulo 2^16:
 * the sum of {@code nibble · q} may overflow, but {@code sum((nibble - 8) · q)} lies within ±32760, since the activations
 * keep to the format's {@link ActivationRange}; so subtracting {@code 8 · sum(q)}, also modulo 2^16, gives it exactly.
 *
 * <p>Nibbles are shifted as ints, of which the mask leaves the same bits: shifts of shorts take their count from a register.
 *
 * <p>The kernels of this package call the Vector API directly. C2 stops inlining other methods once a method's graph has
 * grown to 18,000 nodes, which a few dozen vector operations reach; a helper would then be called, and its vectors boxed.
 */
final class I4Gemv {
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int NIBBLE = 0x000f000f;
  private static final int BIAS = PanelFormat.I4.bias();

  private I4Gemv() {}

  static void multiply(MemorySegment w, long wOffset, PanelFormat format, Activations x, int row, int rows, float[] y,
      int yOffset, int ldy) {
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < 16; v += L) {
        one(w, wOffset + v * 4L, format.block(), format.hasMin(), x, (row + r) * x.stride, y, yOffset + r * ldy + v);
      }
    }
  }

  private static void one(MemorySegment w, long wOffset, int block, boolean min, Activations x, int xOffset, float[] y,
      int yOffset) {
    short[] q = x.q;
    float[] scales = x.scales;
    int[] sums = x.sums;
    int groups = block / 4;
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += block) {
      ShortVector acc = ShortVector.zero(S);
      for (int g = 0; g < groups; g++) {
        IntVector n = IntVector.fromMemorySegment(I, w, o + g * 64L, LE);
        ShortVector p0 = n.and(NIBBLE).reinterpretAsShorts().mul(q[k + 4 * g]);
        ShortVector p1 = n.lanewise(LSHR, 4).and(NIBBLE).reinterpretAsShorts().mul(q[k + 4 * g + 1]);
        ShortVector p2 = n.lanewise(LSHR, 8).and(NIBBLE).reinterpretAsShorts().mul(q[k + 4 * g + 2]);
        ShortVector p3 = n.lanewise(LSHR, 12).and(NIBBLE).reinterpretAsShorts().mul(q[k + 4 * g + 3]);
        acc = acc.add(p0.add(p1).add(p2.add(p3)));
      }
      o += groups * 64L;
      int sum = sums[k / 16] + (block == 32 ? sums[k / 16 + 1] : 0);
      float scale = scales[k / 32];
      IntVector d = IntVector.fromMemorySegment(I, w, o, LE);
      FloatVector dEven = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector dOdd = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      IntVector dot = acc.sub((short) (BIAS * sum)).reinterpretAsInts();
      // A minimum counts from code 0, not from the bias.
      int more = min ? BIAS * sum : 0;
      even = ((FloatVector) dot.lanewise(LSHL, 16).lanewise(ASHR, 16).add(more).convert(I2F, 0)).fma(dEven.mul(scale), even);
      odd = ((FloatVector) dot.lanewise(ASHR, 16).add(more).convert(I2F, 0)).fma(dOdd.mul(scale), odd);
      o += 64;
      if (min) {
        float xSum = sum * scale;
        IntVector m = IntVector.fromMemorySegment(I, w, o, LE);
        FloatVector mEven = m.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
        FloatVector mOdd = m.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
        even = mEven.fma(FloatVector.broadcast(F, xSum), even);
        odd = mOdd.fma(FloatVector.broadcast(F, xSum), odd);
        o += 64;
      }
    }
    even.intoArray(y, yOffset);
    odd.intoArray(y, yOffset + 16);
  }
}
