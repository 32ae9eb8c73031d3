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
 * Panels of weights of 5 or 6 bits times integer activations, in the manner of {@link I4Gemv}: {@code sum((code - bias) · q)}
 * over a block lies within ±32752.
 */
final class HighBitsGemv {
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int NIBBLE = 0x000f000f;

  private HighBitsGemv() {}

  static void multiply(MemorySegment w, long wOffset, PanelFormat format, Activations x, int row, int rows, float[] y,
      int yOffset, int ldy) {
    int high = format.bits() - 4;
    for (int r = 0; r < rows; r++) {
      int from = (row + r) * x.stride;
      int to = yOffset + r * ldy;
      if (L == 16) {
        one(w, wOffset, format.block(), high, format.hasMin(), x, from, y, to);
      } else {
        for (int v = 0; v < 16; v += 2 * L) {
          two(w, wOffset + v * 4L, format.block(), high, format.hasMin(), x, from, y, to + v);
        }
      }
    }
  }

  /**
   * All rows of the panel.
   *
   * @param high bits above the nibble
   */
  private static void one(MemorySegment w, long wOffset, int block, int high, boolean min, Activations x, int xOffset,
      float[] y, int yOffset) {
    short[] q = x.q;
    float[] scales = x.scales;
    int[] sums = x.sums;
    int bias = 8 << high;
    int mask = high == 1 ? 0x00100010 : 0x00300030;
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += block) {
      // The high bits of the next eight columns are in the low bits of each nibble of these.
      IntVector h0 = IntVector.fromMemorySegment(I, w, o + block * 16L, LE);
      IntVector h1 = IntVector.fromMemorySegment(I, w, o + block * 16L + 64, LE);
      ShortVector acc = ShortVector.zero(S);
      int c = k;
      long end = o + block * 16L;
      do {
        IntVector n0 = IntVector.fromMemorySegment(I, w, o, LE);
        ShortVector p0 = n0.and(NIBBLE).or(h0.lanewise(LSHL, 4).and(mask)).reinterpretAsShorts().mul(q[c]);
        ShortVector p1 = n0.lanewise(LSHR, 4).and(NIBBLE).or(h0.and(mask)).reinterpretAsShorts().mul(q[c + 1]);
        ShortVector p2 = n0.lanewise(LSHR, 8).and(NIBBLE).or(h0.lanewise(LSHR, 4).and(mask)).reinterpretAsShorts().mul(q[c + 2]);
        ShortVector p3 = n0.lanewise(LSHR, 12).and(NIBBLE).or(h0.lanewise(LSHR, 8).and(mask)).reinterpretAsShorts().mul(q[c + 3]);
        acc = acc.add(p0.add(p1).add(p2.add(p3)));
        IntVector n1 = IntVector.fromMemorySegment(I, w, o + 64, LE);
        ShortVector r0 = n1.and(NIBBLE).or(h1.lanewise(LSHL, 4).and(mask)).reinterpretAsShorts().mul(q[c + 4]);
        ShortVector r1 = n1.lanewise(LSHR, 4).and(NIBBLE).or(h1.and(mask)).reinterpretAsShorts().mul(q[c + 5]);
        ShortVector r2 = n1.lanewise(LSHR, 8).and(NIBBLE).or(h1.lanewise(LSHR, 4).and(mask)).reinterpretAsShorts().mul(q[c + 6]);
        ShortVector r3 = n1.lanewise(LSHR, 12).and(NIBBLE).or(h1.lanewise(LSHR, 8).and(mask)).reinterpretAsShorts().mul(q[c + 7]);
        acc = acc.add(r0.add(r1).add(r2.add(r3)));
        h0 = h0.lanewise(LSHR, high);
        h1 = h1.lanewise(LSHR, high);
        c += 8;
        o += 128;
      } while (o != end);
      o += 128;
      int sum = sums[k / 16] + (block == 32 ? sums[k / 16 + 1] : 0);
      float scale = scales[k / 32];
      IntVector d = IntVector.fromMemorySegment(I, w, o, LE);
      FloatVector dEven = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector dOdd = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      IntVector dot = acc.sub((short) (bias * sum)).reinterpretAsInts();
      // A minimum counts from code 0, not from the bias.
      int more = min ? bias * sum : 0;
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
  private static void two(MemorySegment w, long wOffset, int block, int high, boolean min, Activations x, int xOffset,
      float[] y, int yOffset) {
    short[] q = x.q;
    float[] scales = x.scales;
    int[] sums = x.sums;
    int bias = 8 << high;
    int mask = high == 1 ? 0x00100010 : 0x00300030;
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = even0;
    FloatVector even1 = even0;
    FloatVector odd1 = even0;
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += block) {
      long bits = o + block * 16L;
      IntVector h0 = IntVector.fromMemorySegment(I, w, bits, LE);
      IntVector g0 = IntVector.fromMemorySegment(I, w, bits + Simd.BYTES, LE);
      IntVector h1 = IntVector.fromMemorySegment(I, w, bits + 64, LE);
      IntVector g1 = IntVector.fromMemorySegment(I, w, bits + 64 + Simd.BYTES, LE);
      ShortVector acc0 = ShortVector.zero(S);
      ShortVector acc1 = acc0;
      int c = k;
      do {
        IntVector n0 = IntVector.fromMemorySegment(I, w, o, LE);
        IntVector m0 = IntVector.fromMemorySegment(I, w, o + Simd.BYTES, LE);
        ShortVector q0 = ShortVector.broadcast(S, q[c]);
        acc0 = acc0.add(n0.and(NIBBLE).or(h0.lanewise(LSHL, 4).and(mask)).reinterpretAsShorts().mul(q0));
        acc1 = acc1.add(m0.and(NIBBLE).or(g0.lanewise(LSHL, 4).and(mask)).reinterpretAsShorts().mul(q0));
        ShortVector q1 = ShortVector.broadcast(S, q[c + 1]);
        acc0 = acc0.add(n0.lanewise(LSHR, 4).and(NIBBLE).or(h0.and(mask)).reinterpretAsShorts().mul(q1));
        acc1 = acc1.add(m0.lanewise(LSHR, 4).and(NIBBLE).or(g0.and(mask)).reinterpretAsShorts().mul(q1));
        ShortVector q2 = ShortVector.broadcast(S, q[c + 2]);
        acc0 = acc0.add(n0.lanewise(LSHR, 8).and(NIBBLE).or(h0.lanewise(LSHR, 4).and(mask)).reinterpretAsShorts().mul(q2));
        acc1 = acc1.add(m0.lanewise(LSHR, 8).and(NIBBLE).or(g0.lanewise(LSHR, 4).and(mask)).reinterpretAsShorts().mul(q2));
        ShortVector q3 = ShortVector.broadcast(S, q[c + 3]);
        acc0 = acc0.add(n0.lanewise(LSHR, 12).and(NIBBLE).or(h0.lanewise(LSHR, 8).and(mask)).reinterpretAsShorts().mul(q3));
        acc1 = acc1.add(m0.lanewise(LSHR, 12).and(NIBBLE).or(g0.lanewise(LSHR, 8).and(mask)).reinterpretAsShorts().mul(q3));
        IntVector n1 = IntVector.fromMemorySegment(I, w, o + 64, LE);
        IntVector m1 = IntVector.fromMemorySegment(I, w, o + 64 + Simd.BYTES, LE);
        ShortVector q4 = ShortVector.broadcast(S, q[c + 4]);
        acc0 = acc0.add(n1.and(NIBBLE).or(h1.lanewise(LSHL, 4).and(mask)).reinterpretAsShorts().mul(q4));
        acc1 = acc1.add(m1.and(NIBBLE).or(g1.lanewise(LSHL, 4).and(mask)).reinterpretAsShorts().mul(q4));
        ShortVector q5 = ShortVector.broadcast(S, q[c + 5]);
        acc0 = acc0.add(n1.lanewise(LSHR, 4).and(NIBBLE).or(h1.and(mask)).reinterpretAsShorts().mul(q5));
        acc1 = acc1.add(m1.lanewise(LSHR, 4).and(NIBBLE).or(g1.and(mask)).reinterpretAsShorts().mul(q5));
        ShortVector q6 = ShortVector.broadcast(S, q[c + 6]);
        acc0 = acc0.add(n1.lanewise(LSHR, 8).and(NIBBLE).or(h1.lanewise(LSHR, 4).and(mask)).reinterpretAsShorts().mul(q6));
        acc1 = acc1.add(m1.lanewise(LSHR, 8).and(NIBBLE).or(g1.lanewise(LSHR, 4).and(mask)).reinterpretAsShorts().mul(q6));
        ShortVector q7 = ShortVector.broadcast(S, q[c + 7]);
        acc0 = acc0.add(n1.lanewise(LSHR, 12).and(NIBBLE).or(h1.lanewise(LSHR, 8).and(mask)).reinterpretAsShorts().mul(q7));
        acc1 = acc1.add(m1.lanewise(LSHR, 12).and(NIBBLE).or(g1.lanewise(LSHR, 8).and(mask)).reinterpretAsShorts().mul(q7));
        h0 = h0.lanewise(LSHR, high);
        g0 = g0.lanewise(LSHR, high);
        h1 = h1.lanewise(LSHR, high);
        g1 = g1.lanewise(LSHR, high);
        c += 8;
        o += 128;
      } while (o != bits);
      o += 128;
      int sum = sums[k / 16] + (block == 32 ? sums[k / 16 + 1] : 0);
      float scale = scales[k / 32];
      short shift = (short) (bias * sum);
      int more = min ? bias * sum : 0;
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
