package dev.depths.runtime.kernel;

import java.lang.reflect.Array;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width, chosen once: the platform's preferred one, or what the system property {@code depths.vectorBits} says
 * (128, 256 or 512). A width above the hardware's still computes the right result, thousands of times slower, so only tests
 * ask for it.
 */
final class Simd {
  /** Width in bits: 128, 256 or 512. */
  static final int BITS = bits();

  static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, VectorShape.forBitSize(BITS));
  static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, VectorShape.forBitSize(BITS));
  static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(BITS));
  /** As many shorts as {@link #INTS} has ints. */
  static final VectorSpecies<Short> HALF_SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(BITS / 2));

  /** Floats (or ints) per vector. */
  static final int LANES = BITS / Float.SIZE;

  static final int BYTES = BITS / Byte.SIZE;

  private static final VectorShuffle<Float> FOLD_8 = fold(8);
  private static final VectorShuffle<Float> FOLD_4 = fold(4);
  private static final VectorShuffle<Float> FOLD_2 = fold(2);
  private static final VectorShuffle<Float> FOLD_1 = fold(1);

  static {
    // The Vector API makes a vector for each species when it first needs one. That branch must not have been seen by those
    // who count: C2 would leave it in every kernel, and with it a vector that becomes an object.
    for (VectorSpecies<?> species : List.of(FLOATS, INTS, SHORTS, HALF_SHORTS)) {
      species.fromArray(Array.newInstance(species.elementType(), species.length()), 0);
    }
  }

  private Simd() {}

  private static int bits() {
    Integer asked = Integer.getInteger("depths.vectorBits");
    if (asked == null) {
      // Wider or odd shapes (SVE) are beyond what the 32-row panels can use.
      int preferred = FloatVector.SPECIES_PREFERRED.vectorBitSize();
      return preferred >= 512 ? 512 : preferred >= 256 ? 256 : 128;
    }
    if (asked != 128 && asked != 256 && asked != 512) {
      throw new IllegalArgumentException("depths.vectorBits must be 128, 256 or 512, not " + asked);
    }
    return asked;
  }

  /** Lane i of the result is lane i + n of the operand. */
  private static VectorShuffle<Float> fold(int n) {
    return VectorShuffle.fromOp(FLOATS, i -> (i + n) % LANES);
  }

  /**
   * Sum of the lanes, folded in halves. {@code reduceLanes} adds in another order when it is interpreted than when it is
   * compiled, and the same seed would then not give the same text.
   */
  static float sum(FloatVector v) {
    if (LANES >= 16) {
      v = v.add(v.rearrange(FOLD_8));
    }
    if (LANES >= 8) {
      v = v.add(v.rearrange(FOLD_4));
    }
    v = v.add(v.rearrange(FOLD_2));
    return v.add(v.rearrange(FOLD_1)).lane(0);
  }
}
