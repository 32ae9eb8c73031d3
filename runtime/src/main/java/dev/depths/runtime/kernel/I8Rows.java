package dev.depths.runtime.kernel;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Byte panels times a few rows of integer activations, at 512 bits. Codes become floats in registers, once for four rows: a
 * block's sum of products of integers stays below 2^24, so floats give it exactly, and a multiply-add does in one step what
 * {@link I8Gemv} needs four for. The results are its bits.
 *
 * <p>What counts is how few instructions a line of memory takes: they fill the core as much as the multiply-adds do, and the
 * fewer they are the further the core reads ahead. So the rows' codes lie together, all within a constant distance of one
 * index, whose bounds are checked once for several, and a sum begins with what the weights' bias adds to it instead of taking
 * the bias off each.
 */
final class I8Rows {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private static final int FOUR = Activations.FOUR;
  private static final int BLOCK = Panels.BLOCK;
  private static final int WEIGHTS = PanelFormat.I8.weightBytes();

  private I8Rows() {}

  /** As {@link Kernels#panelsGemv}; each row, or as many as share a kernel, passes over all panels. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    for (int four = row - row % FOUR; four < row + rows; four += FOUR) {
      int first = Math.max(four, row);
      int end = Math.min(four + FOUR, row + rows);
      int at = yOffset + (first - row) * ldy;
      if (first + 1 == end) {
        I8Gemv.one(w, from, to, x, first, y, at);
        continue;
      }
      for (int p = from; p < to; p++) {
        four(w.data(), w.offset(p), x, first, end, y, at + (p - from) * Panels.ROWS, ldy);
      }
    }
  }

  /** A panel times rows {@code first} to {@code end} of four that are together, two at least; the others are not stored. */
  private static void four(MemorySegment w, long offset, Activations x, int first, int end, float[] y, int yOffset, int ldy) {
    float[] codes = x.codes;
    float[] scales = x.scales;
    float[] starts = x.starts;
    int row = first - first % FOUR;
    int blocks = x.stride / BLOCK;
    int block0 = row * blocks;
    int block1 = block0 + blocks;
    int block2 = block1 + blocks;
    int block3 = block2 + blocks;
    FloatVector a0 = FloatVector.zero(F);
    FloatVector a1 = a0;
    FloatVector a2 = a0;
    FloatVector a3 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector b2 = a0;
    FloatVector b3 = a0;
    long o = offset;
    int k = row * x.stride;
    int stop = block0 + x.columns / BLOCK;
    while (block0 != stop) {
      FloatVector s0 = FloatVector.broadcast(F, starts[block0]);
      FloatVector s1 = FloatVector.broadcast(F, starts[block1]);
      FloatVector s2 = FloatVector.broadcast(F, starts[block2]);
      FloatVector s3 = FloatVector.broadcast(F, starts[block3]);
      FloatVector t0 = s0;
      FloatVector t1 = s1;
      FloatVector t2 = s2;
      FloatVector t3 = s3;
      long weightsEnd = o + WEIGHTS;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, o, LE);
        FloatVector v;
        FloatVector a = (FloatVector) n.and(255).convert(I2F, 0);
        FloatVector b = (FloatVector) n.lanewise(LSHR, 16).and(255).convert(I2F, 0);
        v = FloatVector.broadcast(F, codes[k]);
        s0 = a.fma(v, s0);
        t0 = b.fma(v, t0);
        v = FloatVector.broadcast(F, codes[k + BLOCK]);
        s1 = a.fma(v, s1);
        t1 = b.fma(v, t1);
        v = FloatVector.broadcast(F, codes[k + 2 * BLOCK]);
        s2 = a.fma(v, s2);
        t2 = b.fma(v, t2);
        v = FloatVector.broadcast(F, codes[k + 3 * BLOCK]);
        s3 = a.fma(v, s3);
        t3 = b.fma(v, t3);
        a = (FloatVector) n.lanewise(LSHR, 8).and(255).convert(I2F, 0);
        b = (FloatVector) n.lanewise(LSHR, 24).convert(I2F, 0);
        v = FloatVector.broadcast(F, codes[k + 1]);
        s0 = a.fma(v, s0);
        t0 = b.fma(v, t0);
        v = FloatVector.broadcast(F, codes[k + BLOCK + 1]);
        s1 = a.fma(v, s1);
        t1 = b.fma(v, t1);
        v = FloatVector.broadcast(F, codes[k + 2 * BLOCK + 1]);
        s2 = a.fma(v, s2);
        t2 = b.fma(v, t2);
        v = FloatVector.broadcast(F, codes[k + 3 * BLOCK + 1]);
        s3 = a.fma(v, s3);
        t3 = b.fma(v, t3);
        k += 2;
        o += Panels.LANE_BYTES;
      } while (o != weightsEnd);
      k += (FOUR - 1) * BLOCK;
      IntVector d = IntVector.fromMemorySegment(I, w, o, LE);
      FloatVector low = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
      FloatVector high = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats();
      float scale;
      scale = scales[block0] * Halves.SCALE_OF_FACTOR;
      a0 = s0.fma(low.mul(scale), a0);
      b0 = t0.fma(high.mul(scale), b0);
      scale = scales[block1] * Halves.SCALE_OF_FACTOR;
      a1 = s1.fma(low.mul(scale), a1);
      b1 = t1.fma(high.mul(scale), b1);
      scale = scales[block2] * Halves.SCALE_OF_FACTOR;
      a2 = s2.fma(low.mul(scale), a2);
      b2 = t2.fma(high.mul(scale), b2);
      scale = scales[block3] * Halves.SCALE_OF_FACTOR;
      a3 = s3.fma(low.mul(scale), a3);
      b3 = t3.fma(high.mul(scale), b3);
      block0++;
      block1++;
      block2++;
      block3++;
      o += Panels.LANE_BYTES;
    }
    int at = yOffset + (row - first) * ldy;
    if (row == first) {
      a0.mul(Halves.SCALE_OF_SUM).intoArray(y, at);
      b0.mul(Halves.SCALE_OF_SUM).intoArray(y, at + 16);
    }
    if (row + 1 >= first && row + 1 < end) {
      a1.mul(Halves.SCALE_OF_SUM).intoArray(y, at + ldy);
      b1.mul(Halves.SCALE_OF_SUM).intoArray(y, at + ldy + 16);
    }
    // The third and fourth are not before the first, or there would be one alone.
    if (row + 2 < end) {
      a2.mul(Halves.SCALE_OF_SUM).intoArray(y, at + 2 * ldy);
      b2.mul(Halves.SCALE_OF_SUM).intoArray(y, at + 2 * ldy + 16);
    }
    if (row + 3 < end) {
      a3.mul(Halves.SCALE_OF_SUM).intoArray(y, at + 3 * ldy);
      b3.mul(Halves.SCALE_OF_SUM).intoArray(y, at + 3 * ldy + 16);
    }
  }
}
