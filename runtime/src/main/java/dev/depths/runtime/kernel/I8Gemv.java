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
 * Byte panels times integer activations. A short lane holds the codes of two columns of one row, {@code code0 + 256 · code1}.
 * Modulo 2^16, {@code lane · q0 + code1 · (q1 - 256 · q0)} is the sum of both products, so that no byte need be masked;
 * subtracting {@code 128 · (q0 + q1)} makes it {@code (code0 - 128) · q0 + (code1 - 128) · q1} exactly, within ±32640 since
 * the activations keep to the format's {@link ActivationRange}.
 *
 * <p>Lanes are then widened in pairs: an int lane holds the sums of two rows, the even lane's raised by 2^15 so that it is
 * unsigned (what the multipliers of {@link Activations} add does both). Adding whole int lanes and, apart, their upper halves
 * gives both rows' sums over a block: the first less 2^16 times the second.
 *
 * <p>At 512 bits panels come in fours that are far apart in memory, below in pairs: a core reads several streams faster than
 * one, since each has its own prefetching, which ends with a page. Two are a third faster than one where this was measured
 * (Zen 4), and four than two by 11 to 30 % (a Xeon). Several rows pass over some panels one after the other:
 * the shift is all that they could share, and the fewer instructions a line of memory takes, the further a core reads ahead.
 */
final class I8Gemv {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private static final int WEIGHTS = PanelFormat.I8.weightBytes();
  /** Pairs of columns in a block. */
  private static final int PAIRS = Panels.BLOCK / 2;
  /** What the even lanes' sums over a block were raised by. */
  private static final int RAISED = PAIRS * Activations.RAISE;

  private I8Gemv() {}

  /** As {@link Kernels#panelsGemv}; each row, or as many as share a kernel, passes over all panels. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    if (L == 16 && rows > 1) {
      I8Rows.multiply(w, from, to, x, row, rows, y, yOffset, ldy);
      return;
    }
    for (int r = 0; r < rows; r++) {
      one(w, from, to, x, row + r, y, yOffset + r * ldy);
    }
  }

  /** One row. Of panels that no four or pair is left for, the last are multiplied twice: reading them is what takes time. */
  static void one(PackedMatrix w, int from, int to, Activations x, int row, float[] y, int yOffset) {
    MemorySegment data = w.data();
    int xOffset = row * x.stride;
    int fours = L == 16 ? (to - from) / 4 : 0;
    long apart = w.offset(fours);
    int yApart = fours * Panels.ROWS;
    for (int p = 0; p < fours; p++) {
      long a = w.offset(from + p);
      int at = yOffset + p * Panels.ROWS;
      four(data, a, a + apart, a + 2 * apart, a + 3 * apart, x, xOffset, y, at, at + yApart, at + 2 * yApart, at + 3 * yApart);
    }
    int first = from + 4 * fours;
    int half = Math.ceilDiv(to - first, 2);
    for (int p = first; p < first + half; p++) {
      int partner = to - half + p - first;
      long a = w.offset(p);
      long b = w.offset(partner);
      int aTo = yOffset + (p - from) * Panels.ROWS;
      int bTo = yOffset + (partner - from) * Panels.ROWS;
      if (L == 16) {
        four(data, a, b, a, b, x, xOffset, y, aTo, bTo, aTo, bTo);
      } else {
        for (int v = 0; v < 16; v += 2 * L) {
          long i = v * 4L;
          four(data, a + i, a + i + Simd.BYTES, b + i, b + i + Simd.BYTES, x, xOffset, y, aTo + v, aTo + v + L, bTo + v,
              bTo + v + L);
        }
      }
    }
  }

  /** The rows of four vectors, which share the activations: of four panels at 512 bits, of two that have two each at 256. */
  private static void four(MemorySegment w, long aOffset, long bOffset, long cOffset, long dOffset, Activations x,
      int xOffset, float[] y, int aTo, int bTo, int cTo, int dTo) {
    int[] multipliers = x.multipliers(8);
    float[] scales = x.scales;
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = even0;
    FloatVector even1 = even0;
    FloatVector odd1 = even0;
    FloatVector even2 = even0;
    FloatVector odd2 = even0;
    FloatVector even3 = even0;
    FloatVector odd3 = even0;
    long a = aOffset;
    long b = bOffset;
    long c = cOffset;
    long d = dOffset;
    int i = xOffset / Panels.BLOCK * Activations.BYTE_MULTIPLIERS;
    for (int k = xOffset; k < xOffset + x.columns; k += Panels.BLOCK) {
      IntVector both0 = IntVector.broadcast(I, -RAISED);
      IntVector upper0 = IntVector.zero(I);
      IntVector both1 = IntVector.broadcast(I, -RAISED);
      IntVector upper1 = IntVector.zero(I);
      IntVector both2 = IntVector.broadcast(I, -RAISED);
      IntVector upper2 = IntVector.zero(I);
      IntVector both3 = IntVector.broadcast(I, -RAISED);
      IntVector upper3 = IntVector.zero(I);
      long end = a + WEIGHTS;
      do {
        ShortVector m0 = IntVector.broadcast(I, multipliers[i]).reinterpretAsShorts();
        ShortVector m1 = IntVector.broadcast(I, multipliers[i + PAIRS]).reinterpretAsShorts();
        ShortVector m2 = IntVector.broadcast(I, multipliers[i + 2 * PAIRS]).reinterpretAsShorts();
        ShortVector n0 = IntVector.fromMemorySegment(I, w, a, LE).reinterpretAsShorts();
        IntVector p0 = n0.mul(m0).add(n0.lanewise(LSHR, 8).mul(m1)).add(m2).reinterpretAsInts();
        both0 = both0.add(p0);
        upper0 = upper0.add(p0.lanewise(ASHR, 16));
        ShortVector n1 = IntVector.fromMemorySegment(I, w, b, LE).reinterpretAsShorts();
        IntVector p1 = n1.mul(m0).add(n1.lanewise(LSHR, 8).mul(m1)).add(m2).reinterpretAsInts();
        both1 = both1.add(p1);
        upper1 = upper1.add(p1.lanewise(ASHR, 16));
        ShortVector n2 = IntVector.fromMemorySegment(I, w, c, LE).reinterpretAsShorts();
        IntVector p2 = n2.mul(m0).add(n2.lanewise(LSHR, 8).mul(m1)).add(m2).reinterpretAsInts();
        both2 = both2.add(p2);
        upper2 = upper2.add(p2.lanewise(ASHR, 16));
        ShortVector n3 = IntVector.fromMemorySegment(I, w, d, LE).reinterpretAsShorts();
        IntVector p3 = n3.mul(m0).add(n3.lanewise(LSHR, 8).mul(m1)).add(m2).reinterpretAsInts();
        both3 = both3.add(p3);
        upper3 = upper3.add(p3.lanewise(ASHR, 16));
        i++;
        a += 64;
        b += 64;
        c += 64;
        d += 64;
      } while (a != end);
      i += Activations.BYTE_MULTIPLIERS - PAIRS;
      float scale = scales[k / 32] * Halves.SCALE_OF_FACTOR;
      IntVector d0 = IntVector.fromMemorySegment(I, w, a, LE);
      even0 = ((FloatVector) both0.sub(upper0.lanewise(LSHL, 16)).convert(I2F, 0))
          .fma(d0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), even0);
      odd0 = ((FloatVector) upper0.convert(I2F, 0))
          .fma(d0.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), odd0);
      IntVector d1 = IntVector.fromMemorySegment(I, w, b, LE);
      even1 = ((FloatVector) both1.sub(upper1.lanewise(LSHL, 16)).convert(I2F, 0))
          .fma(d1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), even1);
      odd1 = ((FloatVector) upper1.convert(I2F, 0))
          .fma(d1.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), odd1);
      IntVector d2 = IntVector.fromMemorySegment(I, w, c, LE);
      even2 = ((FloatVector) both2.sub(upper2.lanewise(LSHL, 16)).convert(I2F, 0))
          .fma(d2.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), even2);
      odd2 = ((FloatVector) upper2.convert(I2F, 0))
          .fma(d2.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), odd2);
      IntVector d3 = IntVector.fromMemorySegment(I, w, d, LE);
      even3 = ((FloatVector) both3.sub(upper3.lanewise(LSHL, 16)).convert(I2F, 0))
          .fma(d3.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), even3);
      odd3 = ((FloatVector) upper3.convert(I2F, 0))
          .fma(d3.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), odd3);
      a += 64;
      b += 64;
      c += 64;
      d += 64;
    }
    even0.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo);
    odd0.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo + 16);
    even1.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo);
    odd1.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo + 16);
    even2.mul(Halves.SCALE_OF_SUM).intoArray(y, cTo);
    odd2.mul(Halves.SCALE_OF_SUM).intoArray(y, cTo + 16);
    even3.mul(Halves.SCALE_OF_SUM).intoArray(y, dTo);
    odd3.mul(Halves.SCALE_OF_SUM).intoArray(y, dTo + 16);
  }
}
