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
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < 16; v += L) {
        one(w, wOffset + v * 4L, format.block(), format.bits() - 4, format.hasMin(), x, (row + r) * x.stride, y,
            yOffset + r * ldy + v);
      }
    }
  }

  /** @param high bits above the nibble */
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
      for (int g = 0; g < block / 8; g++) {
        IntVector n0 = IntVector.fromMemorySegment(I, w, o + g * 128L, LE);
        ShortVector p0 = n0.and(NIBBLE).or(h0.lanewise(LSHL, 4).and(mask)).reinterpretAsShorts()
            .mul(q[k + 8 * g]);
        ShortVector p1 = n0.lanewise(LSHR, 4).and(NIBBLE).or(h0.and(mask)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 1]);
        ShortVector p2 = n0.lanewise(LSHR, 8).and(NIBBLE).or(h0.lanewise(LSHR, 4).and(mask)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 2]);
        ShortVector p3 = n0.lanewise(LSHR, 12).and(NIBBLE).or(h0.lanewise(LSHR, 8).and(mask)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 3]);
        acc = acc.add(p0.add(p1).add(p2.add(p3)));
        IntVector n1 = IntVector.fromMemorySegment(I, w, o + g * 128L + 64, LE);
        ShortVector r0 = n1.and(NIBBLE).or(h1.lanewise(LSHL, 4).and(mask)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 4]);
        ShortVector r1 = n1.lanewise(LSHR, 4).and(NIBBLE).or(h1.and(mask)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 5]);
        ShortVector r2 = n1.lanewise(LSHR, 8).and(NIBBLE).or(h1.lanewise(LSHR, 4).and(mask)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 6]);
        ShortVector r3 = n1.lanewise(LSHR, 12).and(NIBBLE).or(h1.lanewise(LSHR, 8).and(mask)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 7]);
        acc = acc.add(r0.add(r1).add(r2.add(r3)));
        h0 = h0.lanewise(LSHR, high);
        h1 = h1.lanewise(LSHR, high);
      }
      o += block * 16L + 128;
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
}
