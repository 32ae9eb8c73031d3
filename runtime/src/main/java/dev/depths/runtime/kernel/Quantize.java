package dev.depths.runtime.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Activations to int8, symmetric, one scale per 32 columns: {@code x ≈ scale · q}, q in -127..127. */
final class Quantize {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final VectorSpecies<Short> HALF_SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(Simd.BITS / 2));
  private static final int L = Simd.LANES;
  /** Adding it rounds a float to the nearest integer, ties to even, kept in the low bits. */
  private static final float ROUND = 0x1.8p23f;
  private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);

  private Quantize() {}

  static void quantize(Activations x, int offset, int columns) {
    for (int o = offset; o < offset + columns; o += Panels.BLOCK) {
      float max = absMax(x.f32, o);
      x.scales[o / Panels.BLOCK] = max / 127;
      // A block too small for its reciprocal to be a number is as good as zero.
      float inverse = max < 1e-30f ? 0 : 127 / max;
      half(x, o, inverse);
      half(x, o + 16, inverse);
    }
  }

  private static void half(Activations x, int o, float inverse) {
    IntVector sum = IntVector.zero(Simd.INTS);
    for (int i = 0; i < 16; i += L) {
      IntVector q = FloatVector.fromArray(F, x.f32, o + i).mul(inverse).add(ROUND).reinterpretAsInts().sub(ROUND_BITS);
      ((ShortVector) q.convertShape(VectorOperators.I2S, HALF_SHORTS, 0)).intoArray(x.q, o + i);
      sum = sum.add(q);
    }
    x.sums[o / 16] = sum.reduceLanes(VectorOperators.ADD);
  }

  private static float absMax(float[] x, int offset) {
    FloatVector max = FloatVector.zero(F);
    for (int i = 0; i < Panels.BLOCK; i += L) {
      max = max.max(FloatVector.fromArray(F, x, offset + i).abs());
    }
    return max.reduceLanes(VectorOperators.MAX);
  }
}
