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
    int most = Math.max(1, largest(weights) >> FRACTION_BITS);
    int less = most - Bf12.MOST;
    if (less > EXPONENT_BIAS) {
      return false;
    }
    scales[row] = Float.intBitsToFloat(less + EXPONENT_BIAS << 23);
    int least = Math.max(1, less + 1);
    boolean held = encode(weights, least, less, codes) == 0 || putOutliers(row, weights, least);
    if (held) {
      interleave(codes, Panels.lane(row), lanes);
    }
    return held;
  }

  /** The largest magnitude's bits. */
  private static int largest(short[] weights) {
    int most = 0;
    for (short weight : weights) {
      most = Math.max(most, weight & MAGNITUDE);
    }
    return most;
  }

  /**
   * Codes of a row.
   *
   * @param least exponent that a code can have; smaller weights have code 0
   * @param less what exponents of codes are less than those of weights
   * @return how many are smaller and not 0
   */
  private static int encode(short[] weights, int least, int less, short[] codes) {
    int smaller = 0;
    for (int i = 0; i < weights.length; i++) {
      int weight = weights[i];
      if ((weight & MAGNITUDE) >> FRACTION_BITS >= least) {
        codes[i] = (short) (weight - (less << FRACTION_BITS));
      } else {
        codes[i] = (short) (weight & ~MAGNITUDE);
        smaller += (weight & MAGNITUDE) == 0 ? 0 : 1;
      }
    }
    return smaller;
  }

  private boolean putOutliers(int row, short[] weights, int least) {
    for (int i = 0; i < weights.length; i++) {
      int magnitude = weights[i] & MAGNITUDE;
      if (magnitude != 0 && magnitude >> FRACTION_BITS < least) {
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
