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
 * Byte panels times integer activations. A short lane takes the products of two columns of one row modulo 2^16, of which
 * subtracting {@code 128 · (q0 + q1)} makes {@code (code0 - 128) · q0 + (code1 - 128) · q1} exactly, within ±32640 since the
 * activations keep to the format's {@link ActivationRange}.
 *
 * <p>Lanes are then widened in pairs: an int lane holds the sums of two rows, the even lane's raised by 2^15 so that it is
 * unsigned (the multipliers of {@link Activations} do both). Adding whole int lanes and, apart, their upper halves gives both
 * rows' sums over a block: the first less 2^16 times the second.
 *
 * <p>Panels come in pairs that are far apart in memory: a core reads two streams faster than one, by a
 * third where this was measured, since each has its own prefetching.
 */
final class I8Gemv {
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private static final int WEIGHTS = PanelFormat.I8.weightBytes();
  private static final int BYTE = 0x00ff00ff;
  private static final short BIAS = (short) PanelFormat.I8.bias();
  /** What the even lanes' sums over a block were raised by. */
  private static final int RAISED = Panels.BLOCK / 2 * Activations.RAISE;

  private I8Gemv() {}

  /** As {@link Kernels#panelsGemv}. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    MemorySegment data = w.data();
    // Of an odd number the middle one is multiplied twice.
    int half = Math.ceilDiv(to - from, 2);
    for (int p = 0; p < half; p++) {
      int partner = to - from - half + p;
      int r = 0;
      if (L == 16 && rows > 2) {
        Touch.two(data, w.offset(from + p), w.offset(from + partner), (int) PanelFormat.I8.panelBytes(x.columns));
        for (; r + 4 <= rows; r += 4) {
          int at = yOffset + r * ldy;
          rows4(data, w.offset(from + p), x, (row + r) * x.stride, y, at + p * Panels.ROWS, ldy);
          rows4(data, w.offset(from + partner), x, (row + r) * x.stride, y, at + partner * Panels.ROWS, ldy);
        }
      }
      for (; r < rows; r++) {
        int at = yOffset + r * ldy;
        if (L == 16) {
          two(data, w.offset(from + p), w.offset(from + partner), x, (row + r) * x.stride, y, at + p * Panels.ROWS,
              at + partner * Panels.ROWS);
          continue;
        }
        for (int v = 0; v < 16; v += 2 * L) {
          twos(data, w.offset(from + p) + v * 4L, w.offset(from + partner) + v * 4L, x, (row + r) * x.stride, y,
              at + p * Panels.ROWS + v, at + partner * Panels.ROWS + v);
        }
      }
    }
  }

  /** All rows of two panels, at 512 bits. */
  private static void two(MemorySegment w, long aOffset, long bOffset, Activations x, int xOffset, float[] y, int aTo,
      int bTo) {
    short[] q = x.q;
    int[] pairs = x.multipliers(8);
    float[] scales = x.scales;
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = even0;
    FloatVector even1 = even0;
    FloatVector odd1 = even0;
    long a = aOffset;
    long b = bOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += Panels.BLOCK) {
      IntVector both0 = IntVector.broadcast(I, -RAISED);
      IntVector upper0 = IntVector.zero(I);
      IntVector both1 = IntVector.broadcast(I, -RAISED);
      IntVector upper1 = IntVector.zero(I);
      int c = k;
      long end = a + WEIGHTS;
      do {
        ShortVector q0 = ShortVector.broadcast(S, q[c]);
        ShortVector q1 = ShortVector.broadcast(S, q[c + 1]);
        ShortVector pair = IntVector.broadcast(I, pairs[c / 2]).reinterpretAsShorts();
        IntVector n0 = IntVector.fromMemorySegment(I, w, a, LE);
        IntVector p0 = n0.and(BYTE).reinterpretAsShorts().mul(q0)
            .add(n0.lanewise(LSHR, 8).and(BYTE).reinterpretAsShorts().mul(q1)).add(pair).reinterpretAsInts();
        both0 = both0.add(p0);
        upper0 = upper0.add(p0.lanewise(ASHR, 16));
        IntVector n1 = IntVector.fromMemorySegment(I, w, b, LE);
        IntVector p1 = n1.and(BYTE).reinterpretAsShorts().mul(q0)
            .add(n1.lanewise(LSHR, 8).and(BYTE).reinterpretAsShorts().mul(q1)).add(pair).reinterpretAsInts();
        both1 = both1.add(p1);
        upper1 = upper1.add(p1.lanewise(ASHR, 16));
        c += 2;
        a += 64;
        b += 64;
      } while (a != end);
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
      a += 64;
      b += 64;
    }
    even0.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo);
    odd0.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo + 16);
    even1.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo);
    odd1.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo + 16);
  }

  /** The rows of two vectors of each of two panels, which share the activations: as many as panels have at 256 bits. */
  private static void twos(MemorySegment w, long aOffset, long bOffset, Activations x, int xOffset, float[] y, int aTo,
      int bTo) {
    short[] q = x.q;
    int[] pairs = x.multipliers(8);
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
    for (int k = xOffset; k < xOffset + x.columns; k += Panels.BLOCK) {
      IntVector both0 = IntVector.broadcast(I, -RAISED);
      IntVector upper0 = IntVector.zero(I);
      IntVector both1 = IntVector.broadcast(I, -RAISED);
      IntVector upper1 = IntVector.zero(I);
      IntVector both2 = IntVector.broadcast(I, -RAISED);
      IntVector upper2 = IntVector.zero(I);
      IntVector both3 = IntVector.broadcast(I, -RAISED);
      IntVector upper3 = IntVector.zero(I);
      int c = k;
      long end = a + WEIGHTS;
      do {
        ShortVector q0 = ShortVector.broadcast(S, q[c]);
        ShortVector q1 = ShortVector.broadcast(S, q[c + 1]);
        ShortVector pair = IntVector.broadcast(I, pairs[c / 2]).reinterpretAsShorts();
        IntVector n0 = IntVector.fromMemorySegment(I, w, a, LE);
        IntVector p0 = n0.and(BYTE).reinterpretAsShorts().mul(q0)
            .add(n0.lanewise(LSHR, 8).and(BYTE).reinterpretAsShorts().mul(q1)).add(pair).reinterpretAsInts();
        both0 = both0.add(p0);
        upper0 = upper0.add(p0.lanewise(ASHR, 16));
        IntVector n1 = IntVector.fromMemorySegment(I, w, a + Simd.BYTES, LE);
        IntVector p1 = n1.and(BYTE).reinterpretAsShorts().mul(q0)
            .add(n1.lanewise(LSHR, 8).and(BYTE).reinterpretAsShorts().mul(q1)).add(pair).reinterpretAsInts();
        both1 = both1.add(p1);
        upper1 = upper1.add(p1.lanewise(ASHR, 16));
        IntVector n2 = IntVector.fromMemorySegment(I, w, b, LE);
        IntVector p2 = n2.and(BYTE).reinterpretAsShorts().mul(q0)
            .add(n2.lanewise(LSHR, 8).and(BYTE).reinterpretAsShorts().mul(q1)).add(pair).reinterpretAsInts();
        both2 = both2.add(p2);
        upper2 = upper2.add(p2.lanewise(ASHR, 16));
        IntVector n3 = IntVector.fromMemorySegment(I, w, b + Simd.BYTES, LE);
        IntVector p3 = n3.and(BYTE).reinterpretAsShorts().mul(q0)
            .add(n3.lanewise(LSHR, 8).and(BYTE).reinterpretAsShorts().mul(q1)).add(pair).reinterpretAsInts();
        both3 = both3.add(p3);
        upper3 = upper3.add(p3.lanewise(ASHR, 16));
        c += 2;
        a += 64;
        b += 64;
      } while (a != end);
      float scale = scales[k / 32] * Halves.SCALE_OF_FACTOR;
      IntVector d0 = IntVector.fromMemorySegment(I, w, a, LE);
      even0 = ((FloatVector) both0.sub(upper0.lanewise(LSHL, 16)).convert(I2F, 0))
          .fma(d0.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), even0);
      odd0 = ((FloatVector) upper0.convert(I2F, 0))
          .fma(d0.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), odd0);
      IntVector d1 = IntVector.fromMemorySegment(I, w, a + Simd.BYTES, LE);
      even1 = ((FloatVector) both1.sub(upper1.lanewise(LSHL, 16)).convert(I2F, 0))
          .fma(d1.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), even1);
      odd1 = ((FloatVector) upper1.convert(I2F, 0))
          .fma(d1.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), odd1);
      IntVector d2 = IntVector.fromMemorySegment(I, w, b, LE);
      even2 = ((FloatVector) both2.sub(upper2.lanewise(LSHL, 16)).convert(I2F, 0))
          .fma(d2.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), even2);
      odd2 = ((FloatVector) upper2.convert(I2F, 0))
          .fma(d2.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), odd2);
      IntVector d3 = IntVector.fromMemorySegment(I, w, b + Simd.BYTES, LE);
      even3 = ((FloatVector) both3.sub(upper3.lanewise(LSHL, 16)).convert(I2F, 0))
          .fma(d3.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), even3);
      odd3 = ((FloatVector) upper3.convert(I2F, 0))
          .fma(d3.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(scale), odd3);
      a += 64;
      b += 64;
    }
    even0.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo);
    odd0.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo + 16);
    even1.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo + L);
    odd1.mul(Halves.SCALE_OF_SUM).intoArray(y, aTo + 16 + L);
    even2.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo);
    odd2.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo + 16);
    even3.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo + L);
    odd3.mul(Halves.SCALE_OF_SUM).intoArray(y, bTo + 16 + L);
  }

  /**
   * Four rows of activations times all rows of a panel, at 512 bits. They share its separated bytes, whose bias is subtracted
   * first, so that of the multipliers only the raising is left.
   */
  private static void rows4(MemorySegment w, long wOffset, Activations x, int xOffset, float[] y, int yOffset, int ldy) {
    short[] q = x.q;
    float[] scales = x.scales;
    int stride = x.stride;
    ShortVector raise = IntVector.broadcast(I, Activations.RAISE).reinterpretAsShorts();
    FloatVector even0, odd0, even1, odd1, even2, odd2, even3, odd3;
    even0 = odd0 = even1 = odd1 = even2 = odd2 = even3 = odd3 = FloatVector.zero(F);
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += Panels.BLOCK) {
      IntVector both0 = IntVector.broadcast(I, -RAISED);
      IntVector upper0 = IntVector.zero(I);
      IntVector both1 = IntVector.broadcast(I, -RAISED);
      IntVector upper1 = IntVector.zero(I);
      IntVector both2 = IntVector.broadcast(I, -RAISED);
      IntVector upper2 = IntVector.zero(I);
      IntVector both3 = IntVector.broadcast(I, -RAISED);
      IntVector upper3 = IntVector.zero(I);
      int c0 = k;
      int c1 = k + stride;
      int c2 = k + 2 * stride;
      int c3 = k + 3 * stride;
      long end = o + WEIGHTS;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, o, LE);
        ShortVector a0 = n.and(BYTE).reinterpretAsShorts().sub(BIAS);
        ShortVector b0 = n.lanewise(LSHR, 8).and(BYTE).reinterpretAsShorts().sub(BIAS);
        n = IntVector.fromMemorySegment(I, w, o + 64, LE);
        ShortVector a1 = n.and(BYTE).reinterpretAsShorts().sub(BIAS);
        ShortVector b1 = n.lanewise(LSHR, 8).and(BYTE).reinterpretAsShorts().sub(BIAS);
        IntVector p;
        p = a0.mul(q[c0]).add(b0.mul(q[c0 + 1])).add(raise).reinterpretAsInts();
        both0 = both0.add(p);
        upper0 = upper0.add(p.lanewise(ASHR, 16));
        p = a1.mul(q[c0 + 2]).add(b1.mul(q[c0 + 3])).add(raise).reinterpretAsInts();
        both0 = both0.add(p);
        upper0 = upper0.add(p.lanewise(ASHR, 16));
        p = a0.mul(q[c1]).add(b0.mul(q[c1 + 1])).add(raise).reinterpretAsInts();
        both1 = both1.add(p);
        upper1 = upper1.add(p.lanewise(ASHR, 16));
        p = a1.mul(q[c1 + 2]).add(b1.mul(q[c1 + 3])).add(raise).reinterpretAsInts();
        both1 = both1.add(p);
        upper1 = upper1.add(p.lanewise(ASHR, 16));
        p = a0.mul(q[c2]).add(b0.mul(q[c2 + 1])).add(raise).reinterpretAsInts();
        both2 = both2.add(p);
        upper2 = upper2.add(p.lanewise(ASHR, 16));
        p = a1.mul(q[c2 + 2]).add(b1.mul(q[c2 + 3])).add(raise).reinterpretAsInts();
        both2 = both2.add(p);
        upper2 = upper2.add(p.lanewise(ASHR, 16));
        p = a0.mul(q[c3]).add(b0.mul(q[c3 + 1])).add(raise).reinterpretAsInts();
        both3 = both3.add(p);
        upper3 = upper3.add(p.lanewise(ASHR, 16));
        p = a1.mul(q[c3 + 2]).add(b1.mul(q[c3 + 3])).add(raise).reinterpretAsInts();
        both3 = both3.add(p);
        upper3 = upper3.add(p.lanewise(ASHR, 16));
        c0 += 4;
        c1 += 4;
        c2 += 4;
        c3 += 4;
        o += 128;
      } while (o != end);
      IntVector d = IntVector.fromMemorySegment(I, w, o, LE);
      FloatVector dEven = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
      FloatVector dOdd = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
      float scale;
      scale = scales[k / 32] * Halves.SCALE_OF_FACTOR;
      even0 = ((FloatVector) both0.sub(upper0.lanewise(LSHL, 16)).convert(I2F, 0)).fma(dEven.mul(scale), even0);
      odd0 = ((FloatVector) upper0.convert(I2F, 0)).fma(dOdd.mul(scale), odd0);
      scale = scales[(k + stride) / 32] * Halves.SCALE_OF_FACTOR;
      even1 = ((FloatVector) both1.sub(upper1.lanewise(LSHL, 16)).convert(I2F, 0)).fma(dEven.mul(scale), even1);
      odd1 = ((FloatVector) upper1.convert(I2F, 0)).fma(dOdd.mul(scale), odd1);
      scale = scales[(k + 2 * stride) / 32] * Halves.SCALE_OF_FACTOR;
      even2 = ((FloatVector) both2.sub(upper2.lanewise(LSHL, 16)).convert(I2F, 0)).fma(dEven.mul(scale), even2);
      odd2 = ((FloatVector) upper2.convert(I2F, 0)).fma(dOdd.mul(scale), odd2);
      scale = scales[(k + 3 * stride) / 32] * Halves.SCALE_OF_FACTOR;
      even3 = ((FloatVector) both3.sub(upper3.lanewise(LSHL, 16)).convert(I2F, 0)).fma(dEven.mul(scale), even3);
      odd3 = ((FloatVector) upper3.convert(I2F, 0)).fma(dOdd.mul(scale), odd3);
      o += 64;
    }
    even0.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset);
    odd0.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + 16);
    even1.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + ldy);
    odd1.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + ldy + 16);
    even2.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + 2 * ldy);
    odd2.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + 2 * ldy + 16);
    even3.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + 3 * ldy);
    odd3.mul(Halves.SCALE_OF_SUM).intoArray(y, yOffset + 3 * ldy + 16);
  }
}
