package dev.depths.runtime.kernel;

/**
 * The packed layout of weights: panels of 32 output rows, independent of the vector width.
 *
 * <p>A panel of integers holds, block of columns by block, the codes of the block, then its 32 scales and, if the format
 * has them, 32 minima, half floats in 16-bit lanes. Row r's 16-bit lane is 2r if r is below 16, else 2(r - 16) + 1: widening
 * the even and the odd lanes to ints then yields rows 0-15 and 16-31 in order, at every vector width. Bytes come two columns
 * of a row to such a lane too, as 16-bit floats come one. Codes of fewer bits come in int lanes, the rows in order; see
 * {@link Fields}.
 */
final class Panels {
  /** Output rows per panel: 2 vectors of floats at 512 bits, 4 at 256, 8 at 128. */
  static final int ROWS = 32;

  /** Bytes of one 16-bit lane per row. */
  static final int LANE_BYTES = ROWS * Short.BYTES;

  /** Bytes of one float per row. */
  static final int FLOAT_BYTES = ROWS * Float.BYTES;

  /** Columns that share one scale of the quantised activations, and the most that share a weight scale. */
  static final int BLOCK = 32;

  private Panels() {}

  /** The 16-bit lane of a row. */
  static int lane(int row) {
    return row < 16 ? 2 * row : 2 * (row - 16) + 1;
  }
}
