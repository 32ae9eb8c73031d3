package dev.depths.runtime.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * IEEE half floats, two to an int lane, as floats. A half whose exponent and mantissa are shifted down by 3 bits is a float
 * 2^112 times too small, subnormals included: multiplying by {@link #SCALE}, or a factor that large, makes up for it without
 * rounding.
 */
final class Halves {
  static final float SCALE = 0x1p112f;
  /** {@link #SCALE} in two steps: for a factor of each half, and for a sum of products, so that neither overflows. */
  static final float SCALE_OF_FACTOR = 0x1p80f;
  static final float SCALE_OF_SUM = 0x1p32f;
  /** Of a float that a shifted half makes: its sign, exponent and mantissa. */
  static final int BITS = 0x8fffe000;

  private Halves() {}

  /** The halves in the low 16 bits of each lane, over {@link #SCALE}. */
  static FloatVector low(IntVector n) {
    return n.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
  }

  /** The halves in the high 16 bits of each lane, over {@link #SCALE}. */
  static FloatVector high(IntVector n) {
    return n.lanewise(VectorOperators.ASHR, 3).and(BITS).reinterpretAsFloats();
  }
}
