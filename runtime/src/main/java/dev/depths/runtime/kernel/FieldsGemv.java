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
 * Panels of weights of 4 to 6 bits times integer activations. An int lane belongs to one row and holds its codes in
 * {@link Fields}; both halves of it accumulate products over a whole block modulo 2^16. No field is masked: what a shifted
 * lane holds beyond a field is made up for in the multipliers. The halves add up to {@code sum(code · q)} modulo 2^16, and
 * {@code sum((code - bias) · q)} lies within ±32760, since the activations keep to the format's {@link ActivationRange}; so
 * subtracting {@code bias · sum(q)} gives it exactly.
 *
 * <p>A block's loop ends by {@code !=}: with {@code <} C2 makes counted loops of it that take the bounds checks out, and
 * preparing those costs more than the few checks that a block has (14-33 % of the whole).
 *
 * <p>The kernels of this package call the Vector API directly. C2 stops inlining other methods once a method's graph has
 * grown to 18,000 nodes, which a few dozen vector operations reach; a helper would then be called, and its vectors boxed.
 */
final class FieldsGemv {
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private FieldsGemv() {}

  /** As {@link Kernels#panelsGemv}; each row, or as many as share a kernel, passes over all panels. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    int r = 0;
    if (L == 16) {
      for (; r + 2 <= rows; r += 2) {
        FieldsRows.multiply(w, from, to, x, row + r, y, yOffset + r * ldy, ldy);
      }
    }
    for (; r < rows; r++) {
      one(w, from, to, x, (row + r) * x.stride, y, yOffset + r * ldy);
    }
  }

  /**
   * One row: at 512 bits times two panels that are far apart, as two streams; of an odd number the middle one twice. C2 takes
   * twice the memory and time that it takes for one stream, which is 3 % slower on Zen 5 but 10 to 40 % on a Xeon.
   */
  private static void one(PackedMatrix w, int from, int to, Activations x, int xOffset, float[] y, int yOffset) {
    MemorySegment data = w.data();
    if (L == 16) {
      int half = Math.ceilDiv(to - from, 2);
      int apart = to - from - half;
      for (int p = from; p < from + half; p++) {
        int at = yOffset + (p - from) * Panels.ROWS;
        four(data, w.offset(p), w.offset(p + apart), w.format(), x, xOffset, y, at, at + apart * Panels.ROWS);
      }
      return;
    }
    for (int p = from; p < to; p++) {
      for (int v = 0; v < 16; v += 2 * L) {
        long a = w.offset(p) + v * 4L;
        int at = yOffset + (p - from) * Panels.ROWS + v;
        four(data, a, a + Simd.BYTES, w.format(), x, xOffset, y, at, at + L);
      }
    }
  }

  /**
   * The rows of four vectors, which share the multipliers: as many as a panel has at 256 bits, two panels at 512. Two vectors
   * are 16 rows apart, as the halves of their scales are; the other two are those at {@code bOffset}. One vector's fields after
   * another's, not one field of all vectors after another: that takes half the time.
   */
  private static void four(MemorySegment w, long aOffset, long bOffset, PanelFormat format, Activations x, int xOffset,
      float[] y, int aTo, int bTo) {
    int block = format.block();
    int weights = format.weightBytes();
    boolean min = format.hasMin();
    Fields fields = format.fields();
    IntVector shift1 = IntVector.broadcast(I, fields.position(1));
    IntVector shift2 = IntVector.broadcast(I, fields.position(2));
    IntVector shift3 = IntVector.broadcast(I, fields.position(3));
    int[] multipliers = x.multipliers(format.bits());
    float[] scales = x.scales;
    int[] sums = x.sums;
    FloatVector y0 = FloatVector.zero(F);
    FloatVector y1 = y0;
    FloatVector y2 = y0;
    FloatVector y3 = y0;
    long a = aOffset;
    long b = bOffset;
    int i = xOffset / block * fields.lanes() * Fields.PER_HALF;
    for (int k = xOffset; k < xOffset + x.columns; k += block) {
      int qSum = sums[k / 16] + (block == 32 ? sums[k / 16 + 1] : 0);
      float scale = scales[k / 32] * Halves.SCALE_OF_FACTOR;
      int bias = format.bias() * qSum;
      // A minimum counts from code 0, not from the bias.
      int more = min ? bias : 0;
      ShortVector start = IntVector.broadcast(I, -bias << 16).reinterpretAsShorts();
      ShortVector sum0 = start;
      ShortVector sum1 = start;
      ShortVector sum2 = start;
      ShortVector sum3 = start;
      long end = a + weights;
      do {
        ShortVector m0 = IntVector.broadcast(I, multipliers[i]).reinterpretAsShorts();
        ShortVector m1 = IntVector.broadcast(I, multipliers[i + 1]).reinterpretAsShorts();
        ShortVector m2 = IntVector.broadcast(I, multipliers[i + 2]).reinterpretAsShorts();
        ShortVector m3 = IntVector.broadcast(I, multipliers[i + 3]).reinterpretAsShorts();
        IntVector n0 = IntVector.fromMemorySegment(I, w, a, LE);
        sum0 = sum0.add(n0.reinterpretAsShorts().mul(m0));
        sum0 = sum0.add(n0.lanewise(LSHR, shift1).reinterpretAsShorts().mul(m1));
        sum0 = sum0.add(n0.lanewise(LSHR, shift2).reinterpretAsShorts().mul(m2));
        sum0 = sum0.add(n0.lanewise(LSHR, shift3).reinterpretAsShorts().mul(m3));
        IntVector n1 = IntVector.fromMemorySegment(I, w, a + 64, LE);
        sum1 = sum1.add(n1.reinterpretAsShorts().mul(m0));
        sum1 = sum1.add(n1.lanewise(LSHR, shift1).reinterpretAsShorts().mul(m1));
        sum1 = sum1.add(n1.lanewise(LSHR, shift2).reinterpretAsShorts().mul(m2));
        sum1 = sum1.add(n1.lanewise(LSHR, shift3).reinterpretAsShorts().mul(m3));
        IntVector n2 = IntVector.fromMemorySegment(I, w, b, LE);
        sum2 = sum2.add(n2.reinterpretAsShorts().mul(m0));
        sum2 = sum2.add(n2.lanewise(LSHR, shift1).reinterpretAsShorts().mul(m1));
        sum2 = sum2.add(n2.lanewise(LSHR, shift2).reinterpretAsShorts().mul(m2));
        sum2 = sum2.add(n2.lanewise(LSHR, shift3).reinterpretAsShorts().mul(m3));
        IntVector n3 = IntVector.fromMemorySegment(I, w, b + 64, LE);
        sum3 = sum3.add(n3.reinterpretAsShorts().mul(m0));
        sum3 = sum3.add(n3.lanewise(LSHR, shift1).reinterpretAsShorts().mul(m1));
        sum3 = sum3.add(n3.lanewise(LSHR, shift2).reinterpretAsShorts().mul(m2));
        sum3 = sum3.add(n3.lanewise(LSHR, shift3).reinterpretAsShorts().mul(m3));
        i += 4;
        a += Panels.FLOAT_BYTES;
        b += Panels.FLOAT_BYTES;
      } while (a != end);
      IntVector dot0 = sum0.reinterpretAsInts();
      dot0 = dot0.add(dot0.lanewise(LSHL, 16)).lanewise(ASHR, 16).add(more);
      IntVector dot1 = sum1.reinterpretAsInts();
      dot1 = dot1.add(dot1.lanewise(LSHL, 16)).lanewise(ASHR, 16).add(more);
      IntVector dot2 = sum2.reinterpretAsInts();
      dot2 = dot2.add(dot2.lanewise(LSHL, 16)).lanewise(ASHR, 16).add(more);
      IntVector dot3 = sum3.reinterpretAsInts();
      dot3 = dot3.add(dot3.lanewise(LSHL, 16)).lanewise(ASHR, 16).add(more);
      IntVector d0 = IntVector.fromMemorySegment(I, w, a, LE);
      IntVector d1 = IntVector.fromMemorySegment(I, w, b, LE);
      y0 = ((FloatVector) dot0.convert(I2F, 0))
          .fma(d0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), y0);
      y1 = ((FloatVector) dot1.convert(I2F, 0))
          .fma(d0.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), y1);
      y2 = ((FloatVector) dot2.convert(I2F, 0))
          .fma(d1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), y2);
      y3 = ((FloatVector) dot3.convert(I2F, 0))
          .fma(d1.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), y3);
      a += Panels.LANE_BYTES;
      b += Panels.LANE_BYTES;
      if (min) {
        FloatVector xSum = FloatVector.broadcast(F, qSum * scale);
        IntVector min0 = IntVector.fromMemorySegment(I, w, a, LE);
        IntVector min1 = IntVector.fromMemorySegment(I, w, b, LE);
        y0 = min0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().fma(xSum, y0);
        y1 = min0.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().fma(xSum, y1);
        y2 = min1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().fma(xSum, y2);
        y3 = min1.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().fma(xSum, y3);
        a += Panels.LANE_BYTES;
        b += Panels.LANE_BYTES;
      }
    }
    y0.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo);
    y1.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo + 16);
    y2.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo);
    y3.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo + 16);
  }
}
