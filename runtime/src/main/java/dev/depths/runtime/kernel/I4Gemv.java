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
 * <p>A block's loop ends by {@code !=}: with {@code <} C2 makes counted loops of it that take the bounds checks out, and
 * preparing those costs more than the few checks that a block has (14-33 % of the whole).
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
      if (L == 16) {
        one(w, wOffset, format.block(), format.hasMin(), x, (row + r) * x.stride, y, yOffset + r * ldy);
      } else {
        for (int v = 0; v < 16; v += 2 * L) {
          two(w, wOffset + v * 4L, format.block(), format.hasMin(), x, (row + r) * x.stride, y, yOffset + r * ldy + v);
        }
      }
    }
  }

  /** All rows of the panel. */
  private static void one(MemorySegment w, long wOffset, int block, boolean min, Activations x, int xOffset, float[] y,
      int yOffset) {
    short[] q = x.q;
    float[] scales = x.scales;
    int[] sums = x.sums;
    int weights = block * 16;
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += block) {
      ShortVector acc = ShortVector.zero(S);
      int c = k;
      long end = o + weights;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, o, LE);
        ShortVector p0 = n.and(NIBBLE).reinterpretAsShorts().mul(q[c]);
        ShortVector p1 = n.lanewise(LSHR, 4).and(NIBBLE).reinterpretAsShorts().mul(q[c + 1]);
        ShortVector p2 = n.lanewise(LSHR, 8).and(NIBBLE).reinterpretAsShorts().mul(q[c + 2]);
        ShortVector p3 = n.lanewise(LSHR, 12).and(NIBBLE).reinterpretAsShorts().mul(q[c + 3]);
        acc = acc.add(p0.add(p1).add(p2.add(p3)));
        c += 4;
        o += 64;
      } while (o != end);
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

  /** The rows of two vectors, which share the activations: as many as the panel has at 256 bits. */
  private static void two(MemorySegment w, long wOffset, int block, boolean min, Activations x, int xOffset, float[] y,
      int yOffset) {
    short[] q = x.q;
    float[] scales = x.scales;
    int[] sums = x.sums;
    int weights = block * 16;
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = even0;
    FloatVector even1 = even0;
    FloatVector odd1 = even0;
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += block) {
      ShortVector acc0 = ShortVector.zero(S);
      ShortVector acc1 = acc0;
      int c = k;
      long end = o + weights;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, o, LE);
        IntVector m = IntVector.fromMemorySegment(I, w, o + Simd.BYTES, LE);
        ShortVector q0 = ShortVector.broadcast(S, q[c]);
        ShortVector n0 = n.and(NIBBLE).reinterpretAsShorts().mul(q0);
        ShortVector m0 = m.and(NIBBLE).reinterpretAsShorts().mul(q0);
        ShortVector q1 = ShortVector.broadcast(S, q[c + 1]);
        ShortVector n1 = n.lanewise(LSHR, 4).and(NIBBLE).reinterpretAsShorts().mul(q1);
        ShortVector m1 = m.lanewise(LSHR, 4).and(NIBBLE).reinterpretAsShorts().mul(q1);
        ShortVector q2 = ShortVector.broadcast(S, q[c + 2]);
        ShortVector n2 = n.lanewise(LSHR, 8).and(NIBBLE).reinterpretAsShorts().mul(q2);
        ShortVector m2 = m.lanewise(LSHR, 8).and(NIBBLE).reinterpretAsShorts().mul(q2);
        ShortVector q3 = ShortVector.broadcast(S, q[c + 3]);
        ShortVector n3 = n.lanewise(LSHR, 12).and(NIBBLE).reinterpretAsShorts().mul(q3);
        ShortVector m3 = m.lanewise(LSHR, 12).and(NIBBLE).reinterpretAsShorts().mul(q3);
        acc0 = acc0.add(n0.add(n1).add(n2.add(n3)));
        acc1 = acc1.add(m0.add(m1).add(m2.add(m3)));
        c += 4;
        o += 64;
      } while (o != end);
      int sum = sums[k / 16] + (block == 32 ? sums[k / 16 + 1] : 0);
      float scale = scales[k / 32];
      short shift = (short) (BIAS * sum);
      int more = min ? BIAS * sum : 0;
      IntVector d0 = IntVector.fromMemorySegment(I, w, o, LE);
      IntVector d1 = IntVector.fromMemorySegment(I, w, o + Simd.BYTES, LE);
      FloatVector de0 = d0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector do0 = d0.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector de1 = d1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector do1 = d1.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      IntVector dot0 = acc0.sub(shift).reinterpretAsInts();
      IntVector dot1 = acc1.sub(shift).reinterpretAsInts();
      even0 = ((FloatVector) dot0.lanewise(LSHL, 16).lanewise(ASHR, 16).add(more).convert(I2F, 0)).fma(de0.mul(scale), even0);
      odd0 = ((FloatVector) dot0.lanewise(ASHR, 16).add(more).convert(I2F, 0)).fma(do0.mul(scale), odd0);
      even1 = ((FloatVector) dot1.lanewise(LSHL, 16).lanewise(ASHR, 16).add(more).convert(I2F, 0)).fma(de1.mul(scale), even1);
      odd1 = ((FloatVector) dot1.lanewise(ASHR, 16).add(more).convert(I2F, 0)).fma(do1.mul(scale), odd1);
      o += 64;
      if (min) {
        FloatVector xSum = FloatVector.broadcast(F, sum * scale);
        IntVector m0 = IntVector.fromMemorySegment(I, w, o, LE);
        IntVector m1 = IntVector.fromMemorySegment(I, w, o + Simd.BYTES, LE);
        even0 = m0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE).fma(xSum, even0);
        odd0 = m0.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE).fma(xSum, odd0);
        even1 = m1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE).fma(xSum, even1);
        odd1 = m1.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE).fma(xSum, odd1);
        o += 64;
      }
    }
    even0.intoArray(y, yOffset);
    even1.intoArray(y, yOffset + L);
    odd0.intoArray(y, yOffset + 16);
    odd1.intoArray(y, yOffset + 16 + L);
  }
}
