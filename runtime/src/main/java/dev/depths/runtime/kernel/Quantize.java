package dev.depths.runtime.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Activations to integers, symmetric, one scale per 32 columns: {@code x ≈ scale · q}. The scale is as fine as the 16-bit
 * sums of the integer kernels allow, see {@link ActivationRange}. Blocks with an outlier, which lose most in a plain int8
 * quantisation, thereby get up to 12 bits.
 */
final class Quantize {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  /** What rounding adds to a sum of columns at most: half a unit each, and a little for the sums' own rounding. */
  private static final float BLOCK_ROUNDING = 16.5f;
  private static final float HALF_ROUNDING = 8.5f;
  private static final float PAIR_ROUNDING = 1.1f;
  /** Adding it rounds a float to the nearest integer, ties to even, kept in the low bits. */
  static final float ROUND = 0x1.8p23f;
  static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

  private Quantize() {}

  static void quantize(Activations x, int offset, int columns, ActivationRange range) {
    for (int o = offset; o < offset + columns; o += Panels.BLOCK) {
      float scale = scale(x.f32, o, range);
      x.scales[o / Panels.BLOCK] = scale;
      float inverse = scale == 0 ? 0 : 1 / scale;
      half(x, o, inverse);
      half(x, o + 16, inverse);
    }
    x.multipliers(offset, offset + columns, range);
  }

  /** The finest scale of a block that keeps to a range; 0 for a block that is as good as zero. */
  static float scale(float[] x, int o, ActivationRange range) {
    float block = 0;
    float half = 0;
    float pair = 0;
    for (int h = o; h < o + Panels.BLOCK; h += Panels.BLOCK / 2) {
      float even = 0;
      float odd = 0;
      for (int i = h; i < h + Panels.BLOCK / 2; i += 2) {
        float a = Math.abs(x[i]);
        float b = Math.abs(x[i + 1]);
        even += a;
        odd += b;
        pair = Math.max(pair, a + b);
      }
      block += even + odd;
      half = Math.max(half, even + odd);
    }
    float scale = Math.max(block / (range.blockSum() - BLOCK_ROUNDING),
        Math.max(half / (range.halfSum() - HALF_ROUNDING), pair / (range.pairSum() - PAIR_ROUNDING)));
    return scale < 1e-30f ? 0 : scale;
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
