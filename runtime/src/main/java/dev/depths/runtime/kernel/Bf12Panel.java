package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A panel of {@link Bf12} while it is packed, row by row. */
final class Bf12Panel {
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int MAGNITUDE = 0x7fff;
  private static final int FRACTION_BITS = 7;
  private static final int EXPONENT_BIAS = 127;

  private final short[] lanes;
  private final short[] codes;
  private final float[] scales = new float[Panels.ROWS];
  private final int[] outliers;

  Bf12Panel(int columns) {
    this.lanes = new short[columns / Bf12.COLUMNS * Bf12.BLOCK_BYTES / Short.BYTES];
    this.codes = new short[columns];
    this.outliers = new int[Bf12.outlierInts(columns)];
  }

  void clear() {
    Arrays.fill(lanes, (short) 0);
    Arrays.fill(scales, 0);
    Arrays.fill(outliers, 0);
  }

  /**
   * Puts a row of bfloat16.
   *
   * @return false if it has weights of 2^16 or more, or the panel too many that are far smaller than the largest of their row
   */
  boolean put(int row, short[] weights) {
    int less = less(weights);
    if (less > EXPONENT_BIAS) {
      return false;
    }
    scales[row] = Float.intBitsToFloat(less + EXPONENT_BIAS << 23);
    int least = least(less);
    boolean held = smaller(weights, least) == 0 || putOutliers(row, weights, least);
    if (held) {
      encode(weights, least, less, codes);
      interleave(codes, Panels.lane(row), lanes);
    }
    return held;
  }

  /** Whether a panel would take this row, and no other. */
  static boolean holds(short[] weights) {
    int less = less(weights);
    return less <= EXPONENT_BIAS && smaller(weights, least(less)) <= Bf12.maxOutliers(weights.length);
  }

  /** What exponents of a row's codes are less than those of its weights. */
  private static int less(short[] weights) {
    int most = 0;
    for (short weight : weights) {
      most = Math.max(most, weight & MAGNITUDE);
    }
    return Math.max(1, most >> FRACTION_BITS) - Bf12.MOST;
  }

  /** The least exponent of a weight that has a code. */
  private static int least(int less) {
    return Math.max(1, less + 1);
  }

  /** How many weights are smaller than a code can say, and not 0. */
  private static int smaller(short[] weights, int least) {
    int smaller = 0;
    for (short weight : weights) {
      smaller += isSmaller(weight, least) ? 1 : 0;
    }
    return smaller;
  }

  private static boolean isSmaller(short weight, int least) {
    int magnitude = weight & MAGNITUDE;
    return magnitude != 0 && magnitude >> FRACTION_BITS < least;
  }

  /** Codes of a row; of weights that are smaller than a code can say, 0. */
  private static void encode(short[] weights, int least, int less, short[] codes) {
    for (int i = 0; i < weights.length; i++) {
      int weight = weights[i];
      boolean coded = (weight & MAGNITUDE) >> FRACTION_BITS >= least;
      codes[i] = (short) (coded ? weight - (less << FRACTION_BITS) : weight & ~MAGNITUDE);
    }
  }

  private boolean putOutliers(int row, short[] weights, int least) {
    for (int i = 0; i < weights.length; i++) {
      if (isSmaller(weights[i], least)) {
        int at = 1 + Bf12.OUTLIER * outliers[0];
        if (at == outliers.length) {
          return false;
        }
        outliers[at] = i * Panels.ROWS + row;
        outliers[at + 1] = weights[i] << Short.SIZE;
        outliers[0]++;
      }
    }
    return true;
  }

  private static void interleave(short[] codes, int lane, short[] lanes) {
    for (int c = 0, o = lane; c < codes.length; c += Bf12.COLUMNS, o += 3 * Panels.ROWS) {
      int fourth = codes[c + 3];
      lanes[o] = (short) (codes[c] | (fourth & Bf12.FROM_FIRST) << 4);
      lanes[o + Panels.ROWS] = (short) (codes[c + 1] | (fourth & Bf12.FROM_SECOND) << 8);
      lanes[o + 2 * Panels.ROWS] =
          (short) (codes[c + 2] | (fourth & Bf12.SIGNS) >>> 1 & 0x4000 | (fourth & Bf12.FROM_THIRD) << 11);
    }
  }

  void write(PackedMatrix to, int panel) {
    MemorySegment.copy(lanes, 0, to.data(), SHORT, to.offset(panel), lanes.length);
    MemorySegment.copy(MemorySegment.ofArray(scales), 0, to.data(), Bf12.scales(to, panel), Panels.FLOAT_BYTES);
    MemorySegment.copy(outliers, 0, to.data(), INT, Bf12.outliers(to, panel), outliers.length);
  }
}
