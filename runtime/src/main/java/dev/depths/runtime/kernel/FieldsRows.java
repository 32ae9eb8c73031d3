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
 * Panels of weights of 4 to 6 bits times two rows of activations at 512 bits, which share the shifted lanes: what
 * {@link FieldsGemv} computes for each, to the bit.
 */
final class FieldsRows {
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private FieldsRows() {}

  /** Products of two rows of activations, the first being {@code row}, with panels {@code from} to {@code to}. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, float[] y, int yOffset, int ldy) {
    for (int p = from; p < to; p++) {
      two(w.data(), w.offset(p), w.format(), x, row * x.stride, y, yOffset + (p - from) * Panels.ROWS, ldy);
    }
  }

  private static void two(MemorySegment w, long wOffset, PanelFormat format, Activations x, int xOffset, float[] y,
      int yOffset, int ldy) {
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
    int stride = x.stride;
    FloatVector y0a, y0b, y1a, y1b;
    y0a = y0b = y1a = y1b = FloatVector.zero(F);
    long o = wOffset;
    int perBlock = fields.lanes() * Fields.PER_HALF;
    int i0 = xOffset / block * perBlock;
    int i1 = (xOffset + stride) / block * perBlock;
    for (int k = xOffset; k < xOffset + x.columns; k += block) {
      int qSum0 = sums[k / 16] + (block == 32 ? sums[k / 16 + 1] : 0);
      int bias0 = format.bias() * qSum0;
      ShortVector sum0a = IntVector.broadcast(I, -bias0 << 16).reinterpretAsShorts();
      ShortVector sum0b = sum0a;
      int k1 = k + stride;
      int qSum1 = sums[k1 / 16] + (block == 32 ? sums[k1 / 16 + 1] : 0);
      int bias1 = format.bias() * qSum1;
      ShortVector sum1a = IntVector.broadcast(I, -bias1 << 16).reinterpretAsShorts();
      ShortVector sum1b = sum1a;
      long end = o + weights;
      do {
        IntVector na = IntVector.fromMemorySegment(I, w, o, LE);
        IntVector nb = IntVector.fromMemorySegment(I, w, o + 64, LE);
        ShortVector a = na.reinterpretAsShorts();
        ShortVector b = nb.reinterpretAsShorts();
        ShortVector m;
        m = IntVector.broadcast(I, multipliers[i0]).reinterpretAsShorts();
        sum0a = sum0a.add(a.mul(m));
        sum0b = sum0b.add(b.mul(m));
        m = IntVector.broadcast(I, multipliers[i1]).reinterpretAsShorts();
        sum1a = sum1a.add(a.mul(m));
        sum1b = sum1b.add(b.mul(m));
        a = na.lanewise(LSHR, shift1).reinterpretAsShorts();
        b = nb.lanewise(LSHR, shift1).reinterpretAsShorts();
        m = IntVector.broadcast(I, multipliers[i0 + 1]).reinterpretAsShorts();
        sum0a = sum0a.add(a.mul(m));
        sum0b = sum0b.add(b.mul(m));
        m = IntVector.broadcast(I, multipliers[i1 + 1]).reinterpretAsShorts();
        sum1a = sum1a.add(a.mul(m));
        sum1b = sum1b.add(b.mul(m));
        a = na.lanewise(LSHR, shift2).reinterpretAsShorts();
        b = nb.lanewise(LSHR, shift2).reinterpretAsShorts();
        m = IntVector.broadcast(I, multipliers[i0 + 2]).reinterpretAsShorts();
        sum0a = sum0a.add(a.mul(m));
        sum0b = sum0b.add(b.mul(m));
        m = IntVector.broadcast(I, multipliers[i1 + 2]).reinterpretAsShorts();
        sum1a = sum1a.add(a.mul(m));
        sum1b = sum1b.add(b.mul(m));
        a = na.lanewise(LSHR, shift3).reinterpretAsShorts();
        b = nb.lanewise(LSHR, shift3).reinterpretAsShorts();
        m = IntVector.broadcast(I, multipliers[i0 + 3]).reinterpretAsShorts();
        sum0a = sum0a.add(a.mul(m));
        sum0b = sum0b.add(b.mul(m));
        m = IntVector.broadcast(I, multipliers[i1 + 3]).reinterpretAsShorts();
        sum1a = sum1a.add(a.mul(m));
        sum1b = sum1b.add(b.mul(m));
        i0 += 4;
        i1 += 4;
        o += Panels.FLOAT_BYTES;
      } while (o != end);
      IntVector d = IntVector.fromMemorySegment(I, w, o, LE);
      FloatVector da = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
      FloatVector db = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
      IntVector dot;
      float scale0 = scales[k / 32] * Halves.SCALE_OF_FACTOR;
      // A minimum counts from code 0, not from the bias.
      int more0 = min ? bias0 : 0;
      dot = sum0a.reinterpretAsInts();
      dot = dot.add(dot.lanewise(LSHL, 16)).lanewise(ASHR, 16).add(more0);
      y0a = ((FloatVector) dot.convert(I2F, 0)).fma(da.mul(scale0), y0a);
      dot = sum0b.reinterpretAsInts();
      dot = dot.add(dot.lanewise(LSHL, 16)).lanewise(ASHR, 16).add(more0);
      y0b = ((FloatVector) dot.convert(I2F, 0)).fma(db.mul(scale0), y0b);
      float scale1 = scales[k1 / 32] * Halves.SCALE_OF_FACTOR;
      int more1 = min ? bias1 : 0;
      dot = sum1a.reinterpretAsInts();
      dot = dot.add(dot.lanewise(LSHL, 16)).lanewise(ASHR, 16).add(more1);
      y1a = ((FloatVector) dot.convert(I2F, 0)).fma(da.mul(scale1), y1a);
      dot = sum1b.reinterpretAsInts();
      dot = dot.add(dot.lanewise(LSHL, 16)).lanewise(ASHR, 16).add(more1);
      y1b = ((FloatVector) dot.convert(I2F, 0)).fma(db.mul(scale1), y1b);
      o += Panels.LANE_BYTES;
      if (min) {
        IntVector n = IntVector.fromMemorySegment(I, w, o, LE);
        FloatVector minA = n.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
        FloatVector minB = n.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
        FloatVector xSum;
        xSum = FloatVector.broadcast(F, qSum0 * scale0);
        y0a = minA.fma(xSum, y0a);
        y0b = minB.fma(xSum, y0b);
        xSum = FloatVector.broadcast(F, qSum1 * scale1);
        y1a = minA.fma(xSum, y1a);
        y1b = minB.fma(xSum, y1b);
        o += Panels.LANE_BYTES;
      }
    }
    y0a.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset);
    y0b.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + 16);
    y1a.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + ldy);
    y1b.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + ldy + 16);
  }
}
