package dev.depths.runtime.kernel;

/** How a panel stores its weights; see {@link Panels} for the order of rows. */
public enum PanelFormat {
  /** {@code [column][row]} floats. */
  F32(1, 32, false),
  /** {@code [column][lane]} IEEE half floats. */
  F16(1, 16, false),
  /** {@code [column][lane]} bfloat16. */
  BF16(1, 16, false),
  /** Two int8 columns per lane, blocks of 32 columns. */
  I8(32, 8, false),
  /** As I8 with a minimum per block. */
  I8_MIN(32, 8, true),
  /** As I8 with blocks of 16 columns. */
  I8_16(16, 8, false),
  /** As I8_MIN with blocks of 16 columns. */
  I8_16_MIN(16, 8, true),
  /** Four nibbles per lane, blocks of 32 columns, weight = scale · (nibble - 8). */
  I4(32, 4, false),
  /** As I4, weight = scale · (nibble - 8) + minimum. */
  I4_MIN(32, 4, true);

  private final int block;
  private final int bits;
  private final boolean min;

  PanelFormat(int block, int bits, boolean min) {
    this.block = block;
    this.bits = bits;
    this.min = min;
  }

  /** Columns per scale; 1 for formats without scales. */
  public int block() {
    return block;
  }

  /** Whether blocks carry a minimum besides their scale. */
  public boolean hasMin() {
    return min;
  }

  /** Whether weights are integers with scales, multiplied with quantised activations in a decode. */
  public boolean isInteger() {
    return block > 1;
  }

  /** Whether weights are nibbles. */
  public boolean isNibbles() {
    return bits == 4;
  }

  /** Bytes of one block of columns of a panel, scales included. */
  public int blockBytes() {
    int weights = Panels.ROWS * block * bits / Byte.SIZE;
    return isInteger() ? weights + Panels.FLOAT_BYTES * (min ? 2 : 1) : weights;
  }

  /** Bytes of the weights alone in one block. */
  int weightBytes() {
    return Panels.ROWS * block * bits / Byte.SIZE;
  }

  /** Bytes of a panel of so many columns. */
  public long panelBytes(int columns) {
    return (long) (columns / block) * blockBytes();
  }
}
