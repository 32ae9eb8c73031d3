package dev.depths.runtime.kernel;

/**
 * Bfloat16 in 12 bits without loss. The weights of a row are of one order: of their exponents nearly all are among the 15 up
 * to the largest, so that 4 bits say which; 0 is for zeros. A code, {@code sign · 2^11 + exponent · 2^7 + fraction}, is read as
 * a float with so small an exponent, and the products' sums are multiplied with the row's scale, a power of two. Before that
 * either factor is multiplied with 2^64, so that no product or sum is subnormal, which processors take long for, and all are
 * rounded as those of bfloat16 are. The few weights that are too small for a code, outliers, have code 0 and are listed; their
 * products are added last.
 *
 * <p>A 16-bit lane of {@link Panels} has a code at the places of bfloat16: the sign at bit 15, four bits of the exponent from
 * bit 7, the fraction below. Bits 11 to 14 are to spare, and of three columns they hold a fourth: of the first its exponent, of
 * the second bits 3 to 6 of its fraction, of the third its sign and the rest.
 *
 * <p>After all panels, for each: the scales of its rows, floats; the number of its outliers; and these, two ints each, where
 * ({@code column · 32 + row}) and the weight, a float.
 */
final class Bf12 {
  /** That are stored together. */
  static final int COLUMNS = 4;
  /** Bytes of three columns, which hold the fourth. */
  static final int BLOCK_BYTES = 3 * Panels.LANE_BYTES;
  /** The largest exponent of a code, which a row's largest weight has. */
  static final int MOST = 15;
  /** A code in the upper half of an int, as bfloat16 has it: sign, lower half of the exponent, fraction. */
  static final int CODE = 0x87ff0000;
  /** What one factor of each product is multiplied with, and the sum of them in the end: codes are from 2^-126 up. */
  static final float LIFT = 0x1p64f;
  static final float LOWER = 0x1p-64f;
  /** Of the fourth column's codes, two in an int, what the three others hold, in place. */
  static final int FROM_FIRST = 0x07800780;
  static final int FROM_SECOND = 0x00780078;
  static final int FROM_THIRD = 0x00070007;
  static final int SIGNS = 0x80008000;
  /** All of the upper code of two. */
  static final int UPPER = 0xffff0000;
  /** Ints of an outlier. */
  static final int OUTLIER = 2;

  private static final int LINE = 64;

  private Bf12() {}

  /**
   * How many outliers of a panel there is room for: one of 256 weights. Rows of Gaussian weights have one of 8,000, and one of
   * 400 if the largest weight is a hundred times their deviation.
   */
  static int maxOutliers(int columns) {
    return Math.max(7, columns / 8);
  }

  /** Ints that their number and they themselves take. */
  static int outlierInts(int columns) {
    return 1 + OUTLIER * maxOutliers(columns);
  }

  /** Bytes of what there is for each panel after all of them. */
  static long tailBytes(int columns) {
    return Panels.FLOAT_BYTES + Math.ceilDiv((long) outlierInts(columns) * Integer.BYTES, LINE) * LINE;
  }

  /** Where the scales of a panel's rows are. */
  static long scales(PackedMatrix w, int panel) {
    return w.offset(w.panels()) + panel * tailBytes(w.columns());
  }

  /** Where the number of a panel's outliers is. */
  static long outliers(PackedMatrix w, int panel) {
    return scales(w, panel) + Panels.FLOAT_BYTES;
  }
}
