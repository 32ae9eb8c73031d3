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
 * Panels of 5-bit weights times integer activations, in the manner of {@link I4Gemv}: {@code sum((code - 16) · q)} over a
 * block lies within ±32752.
 */
final class I5Gemv {
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int NIBBLE = 0x000f000f;
  private static final int HIGH = 0x00100010;
  private static final int BLOCK = PanelFormat.I5.block();
  private static final int BIAS = PanelFormat.I5.bias();
  private static final int NIBBLES = PanelFormat.I5.nibbleBytes();
  private static final int WEIGHTS = PanelFormat.I5.weightBytes();

  private I5Gemv() {}

  static void multiply(MemorySegment w, long wOffset, PanelFormat format, Activations x, int row, int rows, float[] y,
      int yOffset, int ldy) {
    for (int r = 0; r < rows; r++) {
      int k = (row + r) * x.stride;
      int to = yOffset + r * ldy;
      for (int v = 0; v < 16; v += L) {
        if (format.hasMin()) {
          withMinima(w, wOffset + v * 4L, x, k, y, to + v);
        } else {
          scaled(w, wOffset + v * 4L, x, k, y, to + v);
        }
      }
    }
  }

  private static void scaled(MemorySegment w, long wOffset, Activations x, int xOffset, float[] y, int yOffset) {
    short[] q = x.q;
    float[] scales = x.scales;
    int[] sums = x.sums;
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += BLOCK) {
      // The high bits of the next eight columns are in the low bits of each nibble of these.
      IntVector h0 = IntVector.fromMemorySegment(I, w, o + NIBBLES, LE);
      IntVector h1 = IntVector.fromMemorySegment(I, w, o + NIBBLES + 64, LE);
      ShortVector acc = ShortVector.zero(S);
      for (int g = 0; g < 4; g++) {
        IntVector n0 = IntVector.fromMemorySegment(I, w, o + g * 128L, LE);
        ShortVector p0 = n0.and(NIBBLE).or(h0.lanewise(LSHL, 4).and(HIGH)).reinterpretAsShorts().mul(q[k + 8 * g]);
        ShortVector p1 = n0.lanewise(LSHR, 4).and(NIBBLE).or(h0.and(HIGH)).reinterpretAsShorts().mul(q[k + 8 * g + 1]);
        ShortVector p2 = n0.lanewise(LSHR, 8).and(NIBBLE).or(h0.lanewise(LSHR, 4).and(HIGH)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 2]);
        ShortVector p3 = n0.lanewise(LSHR, 12).and(NIBBLE).or(h0.lanewise(LSHR, 8).and(HIGH)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 3]);
        acc = acc.add(p0.add(p1).add(p2.add(p3)));
        IntVector n1 = IntVector.fromMemorySegment(I, w, o + g * 128L + 64, LE);
        ShortVector r0 = n1.and(NIBBLE).or(h1.lanewise(LSHL, 4).and(HIGH)).reinterpretAsShorts().mul(q[k + 8 * g + 4]);
        ShortVector r1 = n1.lanewise(LSHR, 4).and(NIBBLE).or(h1.and(HIGH)).reinterpretAsShorts().mul(q[k + 8 * g + 5]);
        ShortVector r2 = n1.lanewise(LSHR, 8).and(NIBBLE).or(h1.lanewise(LSHR, 4).and(HIGH)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 6]);
        ShortVector r3 = n1.lanewise(LSHR, 12).and(NIBBLE).or(h1.lanewise(LSHR, 8).and(HIGH)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 7]);
        acc = acc.add(r0.add(r1).add(r2.add(r3)));
        h0 = h0.lanewise(LSHR, 1);
        h1 = h1.lanewise(LSHR, 1);
      }
      o += WEIGHTS;
      int bias = BIAS * (sums[k / 16] + sums[k / 16 + 1]);
      float scale = scales[k / 32];
      IntVector d = IntVector.fromMemorySegment(I, w, o, LE);
      FloatVector dEven = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector dOdd = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      IntVector dot = acc.sub((short) bias).reinterpretAsInts();
      even = ((FloatVector) dot.lanewise(LSHL, 16).lanewise(ASHR, 16).convert(I2F, 0)).fma(dEven.mul(scale), even);
      odd = ((FloatVector) dot.lanewise(ASHR, 16).convert(I2F, 0)).fma(dOdd.mul(scale), odd);
      o += 64;
    }
    even.intoArray(y, yOffset);
    odd.intoArray(y, yOffset + 16);
  }

  private static void withMinima(MemorySegment w, long wOffset, Activations x, int xOffset, float[] y, int yOffset) {
    short[] q = x.q;
    float[] scales = x.scales;
    int[] sums = x.sums;
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += BLOCK) {
      // The high bits of the next eight columns are in the low bits of each nibble of these.
      IntVector h0 = IntVector.fromMemorySegment(I, w, o + NIBBLES, LE);
      IntVector h1 = IntVector.fromMemorySegment(I, w, o + NIBBLES + 64, LE);
      ShortVector acc = ShortVector.zero(S);
      for (int g = 0; g < 4; g++) {
        IntVector n0 = IntVector.fromMemorySegment(I, w, o + g * 128L, LE);
        ShortVector p0 = n0.and(NIBBLE).or(h0.lanewise(LSHL, 4).and(HIGH)).reinterpretAsShorts().mul(q[k + 8 * g]);
        ShortVector p1 = n0.lanewise(LSHR, 4).and(NIBBLE).or(h0.and(HIGH)).reinterpretAsShorts().mul(q[k + 8 * g + 1]);
        ShortVector p2 = n0.lanewise(LSHR, 8).and(NIBBLE).or(h0.lanewise(LSHR, 4).and(HIGH)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 2]);
        ShortVector p3 = n0.lanewise(LSHR, 12).and(NIBBLE).or(h0.lanewise(LSHR, 8).and(HIGH)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 3]);
        acc = acc.add(p0.add(p1).add(p2.add(p3)));
        IntVector n1 = IntVector.fromMemorySegment(I, w, o + g * 128L + 64, LE);
        ShortVector r0 = n1.and(NIBBLE).or(h1.lanewise(LSHL, 4).and(HIGH)).reinterpretAsShorts().mul(q[k + 8 * g + 4]);
        ShortVector r1 = n1.lanewise(LSHR, 4).and(NIBBLE).or(h1.and(HIGH)).reinterpretAsShorts().mul(q[k + 8 * g + 5]);
        ShortVector r2 = n1.lanewise(LSHR, 8).and(NIBBLE).or(h1.lanewise(LSHR, 4).and(HIGH)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 6]);
        ShortVector r3 = n1.lanewise(LSHR, 12).and(NIBBLE).or(h1.lanewise(LSHR, 8).and(HIGH)).reinterpretAsShorts()
            .mul(q[k + 8 * g + 7]);
        acc = acc.add(r0.add(r1).add(r2.add(r3)));
        h0 = h0.lanewise(LSHR, 1);
        h1 = h1.lanewise(LSHR, 1);
      }
      o += WEIGHTS;
      int sum = sums[k / 16] + sums[k / 16 + 1];
      int bias = BIAS * sum;
      float scale = scales[k / 32];
      IntVector d = IntVector.fromMemorySegment(I, w, o, LE);
      FloatVector dEven = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector dOdd = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      IntVector dot = acc.sub((short) bias).reinterpretAsInts();
      even = ((FloatVector) dot.lanewise(LSHL, 16).lanewise(ASHR, 16).add(bias).convert(I2F, 0)).fma(dEven.mul(scale), even);
      odd = ((FloatVector) dot.lanewise(ASHR, 16).add(bias).convert(I2F, 0)).fma(dOdd.mul(scale), odd);
      float xSum = sum * scale;
      IntVector m = IntVector.fromMemorySegment(I, w, o + 64, LE);
      FloatVector mEven = m.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector mOdd = m.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      even = mEven.fma(FloatVector.broadcast(F, xSum), even);
      odd = mOdd.fma(FloatVector.broadcast(F, xSum), odd);
      o += 128;
    }
    even.intoArray(y, yOffset);
    odd.intoArray(y, yOffset + 16);
  }
}
