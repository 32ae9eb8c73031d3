package dev.depths.runtime.kernel;

/**
 * The packed layout of weights: panels of 32 output rows, independent of the vector width.
 *
 * <p>A panel of integers holds, per block of columns, 16-bit lanes that each belong to one output row, several columns of
 * that row packed in a lane; then the block's 32 scales and, if the format has them, 32 minima, half floats in the same
 * lanes. Row r sits in lane 2r if r is below 16, else in lane 2(r - 16) + 1: widening the even and the odd lanes to ints
 * then yields rows 0-15 and 16-31 in order, at every vector width.
 *
 * <p>Nibbles come four columns to a lane, the first in the lowest bits. Weights of 5 or 6 bits have their higher bits after
 * the nibbles of their block, in two lanes per row: the first for columns whose number has bit 2 clear, the second for
 * the others. In it the {@code h} high bits of column c begin at bit {@code 4 (c mod 4) + h (c / 8)}, so that one shift per
 * eight columns brings the next ones into the place of the first.
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
