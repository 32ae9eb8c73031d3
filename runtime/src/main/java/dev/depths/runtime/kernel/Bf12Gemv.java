package dev.depths.runtime.kernel;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Panels of {@link Bf12} times one row or a few. A code becomes a float by a mask; a fourth column is put together from what
 * the three before it hold. Sums are taken in the order of the columns, then scaled, and outliers' products are added last.
 */
final class Bf12Gemv {
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  /** Rows that pass over a panel together. */
  private static final int ROWS = 4;
  /** Columns of a row of activations that lie together; those of the other rows follow. */
  private static final int TOGETHER = 16;
  private static final int GROUP = ROWS * TOGETHER;

  private static final ThreadLocal<Bf12Gemv> OF_THREAD = ThreadLocal.withInitial(Bf12Gemv::new);

  /**
   * Activations, lifted, of four rows and then of the next four: 16 columns of each in turn, so that the places of one column in
   * four rows are known from one of them, and few bounds are checked.
   */
  private float[] together = new float[0];
  /** Of one row. */
  private float[] lifted = new float[0];
  private int[] outliers = new int[0];

  private Bf12Gemv() {}

  /** As {@link Kernels#panelsGemv}. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    Bf12Gemv ofThread = OF_THREAD.get();
    if (rows == 1) {
      one(w, from, to, ofThread.lifted(x, row), y, yOffset);
    } else {
      float[] together = ofThread.together(x, row, rows);
      int some = w.format().panelsInCache(x.columns);
      for (int p = from; p < to; p += some) {
        fewRows(w, p, Math.min(to, p + some), together, rows, y, yOffset + (p - from) * Panels.ROWS, ldy);
      }
    }
    for (int p = from; p < to; p++) {
      int[] outliers = ofThread.outliers(w, p);
      if (outliers[0] > 0) {
        Bf12Rest.addOutliers(outliers, x, row, rows, y, yOffset + (p - from) * Panels.ROWS, ldy);
      }
    }
  }

  /**
   * Two streams: at 512 bits panels that are far apart, of an odd number the middle one twice; below, neighbouring rows of one
   * panel, so that its memory is read in order.
   */
  private static void one(PackedMatrix w, int from, int to, float[] x, float[] y, int yOffset) {
    if (L == 16) {
      int half = Math.ceilDiv(to - from, 2);
      int apart = to - from - half;
      for (int p = from; p < from + half; p++) {
        int out = yOffset + (p - from) * Panels.ROWS;
        two(w.data(), w.offset(p), w.offset(p + apart), Bf12.scales(w, p), Bf12.scales(w, p + apart), w.columns(), x, y, out,
            out + apart * Panels.ROWS);
      }
      return;
    }
    for (int p = from; p < to; p++) {
      for (int c = 0; c < Panels.ROWS / 2; c += 2 * L) {
        long panel = w.offset(p) + c * 4L;
        long scales = Bf12.scales(w, p) + c * 4L;
        int out = yOffset + (p - from) * Panels.ROWS + c;
        two(w.data(), panel, panel + Simd.BYTES, scales, scales + Simd.BYTES, w.columns(), x, y, out, out + L);
      }
    }
  }

  private static void two(MemorySegment w, long a, long b, long aScales, long bScales, int k, float[] x, float[] y, int aTo,
      int bTo) {
    FloatVector a0, a1, b0, b1;
    a0 = a1 = b0 = b1 = FloatVector.zero(F);
    int i = 0;
    long o = 0;
    do {
      IntVector n = IntVector.fromMemorySegment(I, w, a + o, LE);
      FloatVector v = FloatVector.broadcast(F, x[i]);
      a0 = n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().fma(v, a0);
      a1 = n.and(Bf12.CODE).reinterpretAsFloats().fma(v, a1);
      IntVector fourth = n.lanewise(LSHR, 4).and(Bf12.FROM_FIRST);
      n = IntVector.fromMemorySegment(I, w, a + o + 64, LE);
      v = FloatVector.broadcast(F, x[i + 1]);
      a0 = n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().fma(v, a0);
      a1 = n.and(Bf12.CODE).reinterpretAsFloats().fma(v, a1);
      fourth = n.lanewise(LSHR, 8).and(Bf12.FROM_SECOND).or(fourth);
      n = IntVector.fromMemorySegment(I, w, a + o + 128, LE);
      v = FloatVector.broadcast(F, x[i + 2]);
      a0 = n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().fma(v, a0);
      a1 = n.and(Bf12.CODE).reinterpretAsFloats().fma(v, a1);
      fourth = n.lanewise(LSHL, 1).and(Bf12.SIGNS).or(fourth);
      fourth = n.lanewise(LSHR, 11).and(Bf12.FROM_THIRD).or(fourth);
      v = FloatVector.broadcast(F, x[i + 3]);
      a0 = fourth.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, a0);
      a1 = fourth.and(Bf12.UPPER).reinterpretAsFloats().fma(v, a1);

      n = IntVector.fromMemorySegment(I, w, b + o, LE);
      v = FloatVector.broadcast(F, x[i]);
      b0 = n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().fma(v, b0);
      b1 = n.and(Bf12.CODE).reinterpretAsFloats().fma(v, b1);
      fourth = n.lanewise(LSHR, 4).and(Bf12.FROM_FIRST);
      n = IntVector.fromMemorySegment(I, w, b + o + 64, LE);
      v = FloatVector.broadcast(F, x[i + 1]);
      b0 = n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().fma(v, b0);
      b1 = n.and(Bf12.CODE).reinterpretAsFloats().fma(v, b1);
      fourth = n.lanewise(LSHR, 8).and(Bf12.FROM_SECOND).or(fourth);
      n = IntVector.fromMemorySegment(I, w, b + o + 128, LE);
      v = FloatVector.broadcast(F, x[i + 2]);
      b0 = n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().fma(v, b0);
      b1 = n.and(Bf12.CODE).reinterpretAsFloats().fma(v, b1);
      fourth = n.lanewise(LSHL, 1).and(Bf12.SIGNS).or(fourth);
      fourth = n.lanewise(LSHR, 11).and(Bf12.FROM_THIRD).or(fourth);
      v = FloatVector.broadcast(F, x[i + 3]);
      b0 = fourth.lanewise(LSHL, 16).reinterpretAsFloats().fma(v, b0);
      b1 = fourth.and(Bf12.UPPER).reinterpretAsFloats().fma(v, b1);
      i += Bf12.COLUMNS;
      o += Bf12.BLOCK_BYTES;
    } while (i != k);
    a0.mul(FloatVector.fromMemorySegment(F, w, aScales, LE).mul(Bf12.LOWER)).intoArray(y, aTo);
    a1.mul(FloatVector.fromMemorySegment(F, w, aScales + 64, LE).mul(Bf12.LOWER)).intoArray(y, aTo + 16);
    b0.mul(FloatVector.fromMemorySegment(F, w, bScales, LE).mul(Bf12.LOWER)).intoArray(y, bTo);
    b1.mul(FloatVector.fromMemorySegment(F, w, bScales + 64, LE).mul(Bf12.LOWER)).intoArray(y, bTo + 16);
  }

  private static void fewRows(PackedMatrix w, int from, int to, float[] together, int rows, float[] y, int yOffset, int ldy) {
    for (int r = 0; r < rows; r += ROWS) {
      for (int p = from; p < to; p++) {
        for (int c = 0; c < Panels.ROWS / 2; c += L) {
          four(w.data(), w.offset(p) + c * 4L, Bf12.scales(w, p) + c * 4L, w.columns(), together, r / ROWS * stride(w.columns()),
              Math.min(ROWS, rows - r), y, yOffset + (p - from) * Panels.ROWS + c + r * ldy, ldy);
        }
      }
    }
  }

  /** Of fewer rows than four, the last one's product is written again for those that are not there. */
  private static void four(MemorySegment w, long wOffset, long scales, int k, float[] x, int xOffset, int rows, float[] y,
      int yOffset, int ldy) {
    int last = yOffset + (rows - 1) * ldy;
    int y1 = Math.min(yOffset + ldy, last);
    int y2 = Math.min(yOffset + 2 * ldy, last);
    int y3 = Math.min(yOffset + 3 * ldy, last);
    FloatVector a0, b0, a1, b1, a2, b2, a3, b3;
    a0 = b0 = a1 = b1 = a2 = b2 = a3 = b3 = FloatVector.zero(F);
    int i = xOffset;
    long o = wOffset;
    int left = k;
    do {
      int n = Math.min(TOGETHER, left);
      int stop = i + n;
      do {
        IntVector m = IntVector.fromMemorySegment(I, w, o, LE);
        FloatVector low = m.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats();
        FloatVector high = m.and(Bf12.CODE).reinterpretAsFloats();
        IntVector fourth = m.lanewise(LSHR, 4).and(Bf12.FROM_FIRST);
        FloatVector v = FloatVector.broadcast(F, x[i]);
        a0 = low.fma(v, a0);
        b0 = high.fma(v, b0);
        v = FloatVector.broadcast(F, x[i + 16]);
        a1 = low.fma(v, a1);
        b1 = high.fma(v, b1);
        v = FloatVector.broadcast(F, x[i + 32]);
        a2 = low.fma(v, a2);
        b2 = high.fma(v, b2);
        v = FloatVector.broadcast(F, x[i + 48]);
        a3 = low.fma(v, a3);
        b3 = high.fma(v, b3);
        m = IntVector.fromMemorySegment(I, w, o + 64, LE);
        low = m.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats();
        high = m.and(Bf12.CODE).reinterpretAsFloats();
        fourth = m.lanewise(LSHR, 8).and(Bf12.FROM_SECOND).or(fourth);
        v = FloatVector.broadcast(F, x[i + 1]);
        a0 = low.fma(v, a0);
        b0 = high.fma(v, b0);
        v = FloatVector.broadcast(F, x[i + 17]);
        a1 = low.fma(v, a1);
        b1 = high.fma(v, b1);
        v = FloatVector.broadcast(F, x[i + 33]);
        a2 = low.fma(v, a2);
        b2 = high.fma(v, b2);
        v = FloatVector.broadcast(F, x[i + 49]);
        a3 = low.fma(v, a3);
        b3 = high.fma(v, b3);
        m = IntVector.fromMemorySegment(I, w, o + 128, LE);
        low = m.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats();
        high = m.and(Bf12.CODE).reinterpretAsFloats();
        fourth = m.lanewise(LSHL, 1).and(Bf12.SIGNS).or(fourth);
        fourth = m.lanewise(LSHR, 11).and(Bf12.FROM_THIRD).or(fourth);
        v = FloatVector.broadcast(F, x[i + 2]);
        a0 = low.fma(v, a0);
        b0 = high.fma(v, b0);
        v = FloatVector.broadcast(F, x[i + 18]);
        a1 = low.fma(v, a1);
        b1 = high.fma(v, b1);
        v = FloatVector.broadcast(F, x[i + 34]);
        a2 = low.fma(v, a2);
        b2 = high.fma(v, b2);
        v = FloatVector.broadcast(F, x[i + 50]);
        a3 = low.fma(v, a3);
        b3 = high.fma(v, b3);
        low = fourth.lanewise(LSHL, 16).reinterpretAsFloats();
        high = fourth.and(Bf12.UPPER).reinterpretAsFloats();
        v = FloatVector.broadcast(F, x[i + 3]);
        a0 = low.fma(v, a0);
        b0 = high.fma(v, b0);
        v = FloatVector.broadcast(F, x[i + 19]);
        a1 = low.fma(v, a1);
        b1 = high.fma(v, b1);
        v = FloatVector.broadcast(F, x[i + 35]);
        a2 = low.fma(v, a2);
        b2 = high.fma(v, b2);
        v = FloatVector.broadcast(F, x[i + 51]);
        a3 = low.fma(v, a3);
        b3 = high.fma(v, b3);
        i += Bf12.COLUMNS;
        o += Bf12.BLOCK_BYTES;
      } while (i != stop);
      i += GROUP - n;
      left -= n;
    } while (left != 0);
    FloatVector low = FloatVector.fromMemorySegment(F, w, scales, LE).mul(Bf12.LOWER);
    FloatVector high = FloatVector.fromMemorySegment(F, w, scales + 64, LE).mul(Bf12.LOWER);
    a0.mul(low).intoArray(y, yOffset);
    b0.mul(high).intoArray(y, yOffset + 16);
    a1.mul(low).intoArray(y, y1);
    b1.mul(high).intoArray(y, y1 + 16);
    a2.mul(low).intoArray(y, y2);
    b2.mul(high).intoArray(y, y2 + 16);
    a3.mul(low).intoArray(y, y3);
    b3.mul(high).intoArray(y, y3 + 16);
  }

  /** Floats that four rows of so many columns take together. */
  private static int stride(int columns) {
    return Math.ceilDiv(columns, TOGETHER) * GROUP;
  }

  private float[] together(Activations x, int row, int rows) {
    int stride = stride(x.columns);
    int fours = Math.ceilDiv(rows, ROWS);
    if (together.length < fours * stride) {
      together = new float[fours * stride];
    }
    for (int r = 0; r < fours * ROWS; r++) {
      // In place of a row that is not there, the last.
      int from = (row + Math.min(r, rows - 1)) * x.stride;
      spread(x.f32, from, x.columns, together, r / ROWS * stride + r % ROWS * TOGETHER);
    }
    return together;
  }

  private float[] lifted(Activations x, int row) {
    if (lifted.length < x.stride) {
      lifted = new float[x.stride];
    }
    lift(x.f32, row * x.stride, x.stride, lifted);
    return lifted;
  }

  // Rows of activations end with whole panels, so that whole vectors can be read.

  private static void lift(float[] x, int from, int n, float[] out) {
    for (int i = 0; i < n; i += L) {
      FloatVector.fromArray(F, x, from + i).mul(Bf12.LIFT).intoArray(out, i);
    }
  }

  private static void spread(float[] x, int from, int columns, float[] out, int to) {
    for (int c = 0; c < columns; c += TOGETHER) {
      for (int v = 0; v < TOGETHER; v += L) {
        FloatVector.fromArray(F, x, from + c + v).mul(Bf12.LIFT).intoArray(out, to + c * ROWS + v);
      }
    }
  }

  /** The number of a panel's outliers and they themselves, copied by vectors, which C2 compiles well without a profile. */
  private int[] outliers(PackedMatrix w, int panel) {
    int most = Math.ceilDiv(Bf12.outlierInts(w.columns()), TOGETHER) * TOGETHER;
    if (outliers.length < most) {
      outliers = new int[most];
    }
    copy(w.data(), Bf12.outliers(w, panel), outliers);
    return outliers;
  }

  private static void copy(MemorySegment w, long from, int[] to) {
    IntVector.fromMemorySegment(I, w, from, LE).intoArray(to, 0);
    int n = 1 + Bf12.OUTLIER * to[0];
    for (int i = L; i < n; i += L) {
      IntVector.fromMemorySegment(I, w, from + i * 4L, LE).intoArray(to, i);
    }
  }
}
