package dev.depths.loader;

/**
 * An adapter's low-rank update of a matrix, {@code W' = W + scale · B·A} (LoRA, arXiv 2106.09685), in f32.
 *
 * @param a the first factor [rank, columns], row-major
 * @param b the second factor [rows, rank], row-major
 * @param scale factor on the product
 */
public record LowRankUpdate(float[] a, float[] b, float scale) {
  /** Adds the update of row {@code row} to {@code out}, whose length is the number of columns. */
  public void addTo(long row, float[] out) {
    int rank = a.length / out.length;
    int from = Math.toIntExact(row * rank);
    float[] sum = new float[out.length];
    for (int j = 0; j < rank; j++) {
      for (int i = 0; i < out.length; i++) {
        sum[i] = Math.fma(b[from + j], a[j * out.length + i], sum[i]);
      }
    }
    for (int i = 0; i < out.length; i++) {
      out[i] += scale * sum[i];
    }
  }
}
