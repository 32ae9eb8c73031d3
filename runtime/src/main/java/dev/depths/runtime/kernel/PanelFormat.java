package dev.depths.runtime.kernel;

/**
 * How a panel stores its weights; see {@link Panels} for the order of rows. Formats of integers have a scale for each row
 * of a block of columns and possibly a minimum, both half floats: {@code weight = scale · (code - bias)} without a minimum,
 * {@code weight = scale · code + minimum} with one.
 */
public enum PanelFormat {
  /** {@code [column][row]} floats. */
  F32(1, 32, false, ActivationRange.ANY),
  /** {@code [column][lane]} IEEE half floats. */
  F16(1, 16, false, ActivationRange.ANY),
  /** {@code [4 columns][lane]} bfloat16 in 12 bits, with a scale for each row and what is out of its range: {@link Bf12}. */
  BF12(Bf12.COLUMNS, 12, false, ActivationRange.ANY),
  /** Two columns of bytes per lane, blocks of 32 columns. Products of two columns are summed. */
  I8(32, 8, false, ActivationRange.ofPairSum(255, 8)),
  /** {@link Fields} of nibbles, blocks of 32 columns. Products of a whole block are summed. */
  I4(32, 4, false, ActivationRange.ofBlockSum(4095, 4)),
  /** As I4 with minima. */
  I4_MIN(32, 4, true, ActivationRange.ofBlockSum(4095, 4)),
  /** As I4 with blocks of 16 columns. */
  I4_16(16, 4, false, ActivationRange.ofBlockSum(4095, 4)),
  /** As I4_16 with minima. */
  I4_16_MIN(16, 4, true, ActivationRange.ofBlockSum(4095, 4)),
  /** {@link Fields} of 5 bits, blocks of 32 columns. Products of a whole block are summed. */
  I5(32, 5, false, ActivationRange.ofBlockSum(2047, 5)),
  /** As I5 with minima. */
  I5_MIN(32, 5, true, ActivationRange.ofBlockSum(2047, 5)),
  /** {@link Fields} of 6 bits, blocks of 16 columns. Products of a whole block are summed. */
  I6_16(16, 6, false, ActivationRange.ofHalfSum(1023, 6));

  /** Of the L2 cache, what weights may take. */
  private static final int L2_BYTES = 512 * 1024;

  private final int block;
  private final int bits;
  private final boolean min;
  private final ActivationRange activationRange;
  private final Fields fields;

  PanelFormat(int block, int bits, boolean min, ActivationRange activationRange) {
    this.block = block;
    this.bits = bits;
    this.min = min;
    this.activationRange = activationRange;
    this.fields = bits < 8 ? Fields.of(block, bits) : null;
  }

  /** Columns per scale, or that are stored together; 1 for formats without either. */
  public int block() {
    return block;
  }

  /** Bits of a weight. */
  public int bits() {
    return bits;
  }

  /** Whether blocks carry a minimum besides their scale. */
  public boolean hasMin() {
    return min;
  }

  /** Whether weights are integers with scales, multiplied with quantised activations in a decode. */
  public boolean isInteger() {
    return bits <= 8;
  }

  /** The code that stands for 0, or for the minimum plus this many scales: half the range of codes. */
  int bias() {
    return 1 << bits - 1;
  }

  /** What quantised activations must keep to, so that no sum overflows: {@code |code - bias|} times it fits 16 bits. */
  public ActivationRange activationRange() {
    return activationRange;
  }

  /** Bytes of one block of columns of a panel, scales included. */
  public int blockBytes() {
    return isInteger() ? weightBytes() + Panels.LANE_BYTES * (min ? 2 : 1) : weightBytes();
  }

  /** Bytes of the weights alone in one block. */
  int weightBytes() {
    return Panels.ROWS * block * bits / Byte.SIZE;
  }

  /** Where codes of less than a byte are; null for other formats. */
  Fields fields() {
    return fields;
  }

  /** Where a row's value is in a column of a format of floats, in bytes from the column's begin. */
  public int rowOffset(int row) {
    return this == F32 ? Float.BYTES * row : Short.BYTES * Panels.lane(row);
  }

  /**
   * Neighbouring panels that a few rows pass over in turns, each over all of them: the first reads them from memory, one long
   * stream, and the others from the L2 cache. A stream that ends with every panel is not read ahead, and waiting for memory
   * doubles the time. Two at least, which some products take together.
   */
  int panelsInCache(int columns) {
    return Math.max(2, (int) (L2_BYTES / panelBytes(columns)));
  }

  /** Bytes of a matrix of so many panels. */
  long matrixBytes(int panels, int columns) {
    long bytes = Math.multiplyExact(panels, panelBytes(columns));
    return this == BF12 ? Math.addExact(bytes, Math.multiplyExact(panels, Bf12.tailBytes(columns))) : bytes;
  }

  /** Bytes of a panel of so many columns. */
  public long panelBytes(int columns) {
    return (long) (columns / block) * blockBytes();
  }
}
