package dev.depths.runtime.kernel;

/**
 * Rows of activations as kernels read them: f32, and for the integer products of a decode also short integers in
 * blocks of 32 columns, each with a scale, and the sum of its integers over each half block.
 */
public final class Activations {
  static final int RAISE = 1 << 15;

  final int columns;
  final int stride;
  final float[] f32;
  /** Codes, one per column. */
  final short[] q;
  /**
   * For the byte format, per two columns {@code -128 · (q0 + q1)} modulo 2^16 in the upper half, and the same raised by
   * {@link #RAISE} in the lower.
   */
  final int[] pairs;
  /** One per 32 columns. */
  final float[] scales;
  /** Sums of the codes of 16 columns. */
  final int[] sums;

  /** @param quantizedRows how many of the rows can be held as integers too */
  public Activations(int rows, int columns, int quantizedRows) {
    this.columns = columns;
    this.stride = Math.ceilDiv(columns, Panels.BLOCK) * Panels.BLOCK;
    this.f32 = new float[Math.multiplyExact(rows, stride)];
    this.q = new short[quantizedRows * stride];
    this.pairs = new int[q.length / 2];
    this.scales = new float[q.length / Panels.BLOCK];
    this.sums = new int[q.length / (Panels.BLOCK / 2)];
  }

  /** Fills in {@link #pairs} of columns whose codes are there. */
  void pair(int from, int to) {
    for (int i = from / 2; i < to / 2; i++) {
      int sum = PanelFormat.I8.bias() * (q[2 * i] + q[2 * i + 1]);
      pairs[i] = -sum << 16 | RAISE - sum & 0xffff;
    }
  }

  /** The f32 values, rows {@link #stride()} apart. */
  public float[] f32() {
    return f32;
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
