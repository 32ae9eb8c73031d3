package dev.depths.runtime.kernel;

/**
 * Rows of activations as kernels read them: f32, and for the integer products of a decode also short integers in
 * blocks of 32 columns, each with a scale, and the sum of its integers over each half block.
 */
public final class Activations {
  /** Rows that the tallest register tile multiplies together. */
  public static final int GROUP = 12;

  static final int RAISE = 1 << 15;
  /** Rows whose codes are together. */
  static final int FOUR = 4;
  /** Multipliers of a block of bytes. */
  static final int BYTE_MULTIPLIERS = Panels.BLOCK / 2 * 3;
  /** One format for each width of fields: blocks of 16 nibbles are filled as those of 32 are. */
  private static final PanelFormat[] FIELDS = {PanelFormat.I4, PanelFormat.I5, PanelFormat.I6_16};

  final int columns;
  final int stride;
  final float[] f32;
  /** Codes, one per column. */
  final short[] q;
  /**
   * The same as floats, for weights of bytes times a few rows: of four rows a block of columns after another, so that the
   * places of one column in all of them are known from one of them.
   */
  final float[] codes;
  /** What a sum of {@code codes · weights} begins with, one per 32 columns: weights of bytes count from 128. */
  final float[] starts;
  /**
   * What the kernels multiply with, two halves to an int: for weights of 4 to 6 bits as {@link Fields} says, for bytes as
   * {@link I8Gemv} does. Of the latter a block has, for each of its 16 pairs of columns and modulo 2^16, {@code q0} twice; then
   * {@code q1 - 256 · q0} twice; then {@code -128 · (q0 + q1)}, in the lower half raised by {@link #RAISE}.
   */
  private final int[][] multipliers = new int[9][];
  /** One per 32 columns. */
  final float[] scales;
  /** Sums of the codes of 16 columns. */
  final int[] sums;
  /** The same once more for products of many rows, whole groups of them; see {@link F32Interleaved}. Made when first wanted. */
  private float[] interleaved;
  private boolean isInterleaved;

  /** @param quantizedRows how many of the rows can be held as integers too */
  public Activations(int rows, int columns, int quantizedRows) {
    this.columns = columns;
    this.stride = Math.ceilDiv(columns, Panels.BLOCK) * Panels.BLOCK;
    this.f32 = new float[Math.multiplyExact(rows, stride)];
    this.q = new short[quantizedRows * stride];
    int fours = Math.ceilDiv(quantizedRows, FOUR) * FOUR * stride;
    this.codes = new float[fours];
    this.starts = new float[fours / Panels.BLOCK];
    for (PanelFormat f : FIELDS) {
      multipliers[f.bits()] = new int[q.length / f.block() * f.fields().lanes() * Fields.PER_HALF];
    }
    multipliers[PanelFormat.I8.bits()] = new int[q.length / Panels.BLOCK * BYTE_MULTIPLIERS];
    this.scales = new float[fours / Panels.BLOCK];
    this.sums = new int[q.length / (Panels.BLOCK / 2)];
  }

  /** What weights of so many bits are multiplied with. */
  int[] multipliers(int bits) {
    return multipliers[bits];
  }

  /** Fills in the multipliers of columns whose codes are there, whole blocks of 32, for the widths of weights in a set. */
  void multipliers(int from, int to, int weightBits) {
    for (PanelFormat f : FIELDS) {
      if ((weightBits >> f.bits() & 1) != 0) {
        int perBlock = f.fields().lanes() * Fields.PER_HALF;
        for (int i = from; i < to; i += f.block()) {
          f.fields().multipliers(q, i, multipliers[f.bits()], i / f.block() * perBlock);
        }
      }
    }
    if ((weightBits >> PanelFormat.I8.bits() & 1) != 0) {
      codes(from, to);
      int[] bytes = multipliers[PanelFormat.I8.bits()];
      for (int i = from / 2; i < to / 2; i++) {
        int at = i / 16 * BYTE_MULTIPLIERS + i % 16;
        int first = q[2 * i];
        int second = q[2 * i + 1] - (first << 8);
        int sum = PanelFormat.I8.bias() * (q[2 * i] + q[2 * i + 1]);
        bytes[at] = first << 16 | first & 0xffff;
        bytes[at + 16] = second << 16 | second & 0xffff;
        bytes[at + 32] = -sum << 16 | RAISE - sum & 0xffff;
      }
    }
  }

  /** Fills in the floats of columns whose codes are there, whole blocks of 32. */
  void codes(int from, int to) {
    for (int block = from; block < to; block += Panels.BLOCK) {
      int at = codesOf(block / stride, block % stride);
      for (int i = 0; i < Panels.BLOCK; i++) {
        codes[at + i] = q[block + i];
      }
      starts[block / Panels.BLOCK] = -PanelFormat.I8.bias() * (sums[block / 16] + sums[block / 16 + 1]);
    }
  }

  /** Where a block of columns of a row begins in {@link #codes}. */
  int codesOf(int row, int column) {
    return row / FOUR * FOUR * stride + column * FOUR + row % FOUR * Panels.BLOCK;
  }

  /** Says whether the next rows are to be interleaved too, once they are here. */
  public void setInterleaved(boolean wanted) {
    isInterleaved = wanted;
    if (wanted && interleaved == null) {
      interleaved = new float[f32.length];
    }
  }

  /** Whether all whole groups of rows are interleaved. */
  public boolean isInterleaved() {
    return isInterleaved;
  }

  /** Rows in pairs, of each a column after another, {@code 2 · stride} floats from pair to pair. */
  float[] interleaved() {
    return interleaved;
  }

  /** The f32 values, rows {@link #stride()} apart. */
  public float[] f32() {
    return f32;
  }

  /** How many of the rows can be held as integers too. */
  public int quantizedRows() {
    return q.length / stride;
  }

  /** Columns of a row. */
  public int columns() {
    return columns;
  }

  /** Distance between rows: the columns rounded up to whole panels, so that products can be written here. */
  public int stride() {
    return stride;
  }
}
