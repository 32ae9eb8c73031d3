package dev.depths.runtime.kernel;

/**
 * Rows of activations as kernels read them: f32, and for the integer products of a decode also short integers in
 * blocks of 32 columns, each with a scale, and the sum of its integers over each half block.
 */
public final class Activations {
  final int columns;
  final int stride;
  final float[] f32;
  final short[] q;
  final float[] scales;
  final int[] sums;

  /** @param quantizedRows how many of the rows can be held as integers too */
  public Activations(int rows, int columns, int quantizedRows) {
    this.columns = columns;
    this.stride = Math.ceilDiv(columns, Panels.BLOCK) * Panels.BLOCK;
    this.f32 = new float[Math.multiplyExact(rows, stride)];
    this.q = new short[quantizedRows * stride];
    this.scales = new float[q.length / Panels.BLOCK];
    this.sums = new int[q.length / (Panels.BLOCK / 2)];
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
