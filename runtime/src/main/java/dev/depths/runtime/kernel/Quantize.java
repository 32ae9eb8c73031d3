package dev.depths.runtime.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations to integers, symmetric, one scale per 32 columns: {@code x ≈ scale · q}. The scale is as fine as the 16-bit
 * sums of the integer kernels allow, see {@link ActivationRange}. Blocks with an outlier, which lose most in a plain int8
 * quantisation, thereby get up to 12 bits.
 */
final class Quantize {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final int L = Simd.LANES;
  private static final int NIBBLES = 1 << PanelFormat.I4.bits();
  private static final int BYTES = 1 << PanelFormat.I8.bits();
  /** For each half of four ints, which are a lane of {@link Fields}, the half with the field before it. */
  private static final VectorShuffle<Short> FIELD_BEFORE =
      VectorShuffle.fromOp(S, i -> i % 8 == 0 ? i : i % 8 == 1 ? i + 5 : i - 2);
  /** Two to the width of the field before; 0 for the first, which has none. */
  private static final ShortVector FACTOR_OF_BEFORE = factorOfBefore();
  /** What rounding adds to a sum of columns at most: half a unit each, and a little for the sums' own rounding. */
  private static final float BLOCK_ROUNDING = 16.5f;
  private static final float HALF_ROUNDING = 8.5f;
  private static final float PAIR_ROUNDING = 1.1f;
  /** Adding it rounds a float to the nearest integer, ties to even, kept in the low bits. */
  static final float ROUND = 0x1.8p23f;
  static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

  private Quantize() {}

  private static ShortVector factorOfBefore() {
    short[] factors = new short[S.length()];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = (short) (i % 8 == 0 ? 0 : 1 << PanelFormat.I4.bits());
    }
    return ShortVector.fromArray(S, factors, 0);
  }

  static void quantize(Activations x, int offset, int columns, ActivationRange range) {
    for (int o = offset; o < offset + columns; o += Panels.BLOCK) {
      float scale = scale(x.f32, o, range);
      x.scales[o / Panels.BLOCK] = scale;
      float inverse = scale == 0 ? 0 : 1 / scale;
      half(x, o, inverse);
      half(x, o + 16, inverse);
    }
    int bits = range.weightBits();
    if ((bits & NIBBLES) != 0) {
      nibbles(x, offset, columns);
    }
    if ((bits & BYTES) != 0) {
      bytes(x, offset, columns);
    }
    x.multipliers(offset, offset + columns, bits & ~(NIBBLES | BYTES));
  }

  /** As {@link Fields#multipliers} for codes of 4 bits. */
  private static void nibbles(Activations x, int offset, int columns) {
    int[] multipliers = x.multipliers(PanelFormat.I4.bits());
    for (int i = offset; i < offset + columns; i += 2 * L) {
      ShortVector q = ShortVector.fromArray(S, x.q, i);
      q.sub(q.rearrange(FIELD_BEFORE).mul(FACTOR_OF_BEFORE)).reinterpretAsInts().intoArray(multipliers, i / 2);
    }
  }

  /** As {@link Activations#multipliers} for codes of bytes. */
  private static void bytes(Activations x, int offset, int columns) {
    int[] multipliers = x.multipliers(PanelFormat.I8.bits());
    x.codes(offset, offset + columns);
    for (int i = offset; i < offset + columns; i += 2 * L) {
      IntVector pair = ShortVector.fromArray(S, x.q, i).reinterpretAsInts();
      IntVector first = pair.lanewise(VectorOperators.LSHL, 16);
      IntVector second = pair.and(0xffff0000).sub(first.lanewise(VectorOperators.LSHL, 8));
      IntVector sum = first.add(pair.and(0xffff0000)).lanewise(VectorOperators.ASHR, 16).mul(-PanelFormat.I8.bias());
      int at = i / Panels.BLOCK * Activations.BYTE_MULTIPLIERS + i % Panels.BLOCK / 2;
      first.or(first.lanewise(VectorOperators.LSHR, 16)).intoArray(multipliers, at);
      second.or(second.lanewise(VectorOperators.LSHR, 16)).intoArray(multipliers, at + 16);
      sum.lanewise(VectorOperators.LSHL, 16).or(sum.add(Activations.RAISE).and(0xffff)).intoArray(multipliers, at + 32);
    }
  }

  /** The finest scale of a block that keeps to a range; 0 for a block that is as good as zero. */
  static float scale(float[] x, int o, ActivationRange range) {
    float scale = 0;
    // What is not bounded would give the smallest scale of all.
    if (isBounded(range.blockSum()) || isBounded(range.halfSum())) {
      float first = sum(x, o);
      float second = sum(x, o + Panels.BLOCK / 2);
      scale = (first + second) / (range.blockSum() - BLOCK_ROUNDING);
      if (isBounded(range.halfSum())) {
        scale = Math.max(scale, Math.max(first, second) / (range.halfSum() - HALF_ROUNDING));
      }
    }
    if (isBounded(range.pairSum())) {
      scale = Math.max(scale, largestPair(x, o) / (range.pairSum() - PAIR_ROUNDING));
    }
    return scale < 1e-30f ? 0 : scale;
  }

  private static boolean isBounded(int sum) {
    return sum != Integer.MAX_VALUE;
  }

  /** Sum of the magnitudes of half a block. */
  private static float sum(float[] x, int o) {
    float even = 0;
    float odd = 0;
    for (int i = o; i < o + Panels.BLOCK / 2; i += 2) {
      even += Math.abs(x[i]);
      odd += Math.abs(x[i + 1]);
    }
    return even + odd;
  }

  /** The largest sum of the magnitudes of two neighbouring columns of a block. */
  private static float largestPair(float[] x, int o) {
    // The bits of floats that are not negative are ordered as they are, and integers have their maximum in one cycle.
    int largest = 0;
    for (int i = o; i < o + Panels.BLOCK; i += 2) {
      largest = Math.max(largest, Float.floatToRawIntBits(Math.abs(x[i]) + Math.abs(x[i + 1])));
    }
    return Float.intBitsToFloat(largest);
  }

  private static void half(Activations x, int o, float inverse) {
    IntVector sum = IntVector.zero(Simd.INTS);
    for (int i = 0; i < 16; i += L) {
      IntVector q = FloatVector.fromArray(F, x.f32, o + i).mul(inverse).add(ROUND).reinterpretAsInts().sub(ROUND_BITS);
      ((ShortVector) q.convertShape(VectorOperators.I2S, Simd.HALF_SHORTS, 0)).intoArray(x.q, o + i);
      sum = sum.add(q);
    }
    x.sums[o / 16] = sum.reduceLanes(VectorOperators.ADD);
  }
}
