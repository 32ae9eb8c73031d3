package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * An adapter's low-rank update of a matrix, {@code W' = W + scale · B·A} (LoRA, arXiv 2106.09685), in f32.
 *
 * @param a the first factor's rows [rank][columns]
 * @param b the second factor [rows, rank], row-major
 * @param scale factor on the product
 */
public record LowRankUpdate(float[][] a, float[] b, float scale) {
  /** An update of factors [rank, columns] and [rows, rank]. */
  public static LowRankUpdate of(Tensor a, Tensor b, float scale) {
    float[][] rows = new float[Math.toIntExact(a.rows())][a.columns()];
    float[] all = a.toFloats();
    for (int j = 0; j < rows.length; j++) {
      System.arraycopy(all, j * a.columns(), rows[j], 0, a.columns());
    }
    return new LowRankUpdate(rows, b.toFloats(), scale);
  }

  /** Whether a matrix of a type can be merged with its update and keep the type: not those that only other programs make. */
  public static boolean isMergeable(DType type) {
    return Quantizer.TYPES.contains(type);
  }

  /**
   * Merges rows of a matrix with the update, each element rounded once, to the matrix' own type: the bytes that a conversion
   * with the adapter writes.
   *
   * @param w of a type that {@link #isMergeable}
   * @param from the first row
   * @param to after the last row
   * @param merged memory for the whole matrix
   * @throws ArithmeticException if a sum that is to be quantised is not finite
   */
  public void merge(Tensor w, long from, long to, MemorySegment merged) {
    float[] row = new float[w.columns()];
    byte[] bytes = new byte[Math.toIntExact(w.type().bytes(row.length))];
    for (long r = from; r < to; r++) {
      w.dequantize(r, row, 0);
      addTo(r, row);
      Quantizer.quantize(w.type(), row, row.length, bytes, 0);
      MemorySegment.copy(bytes, 0, merged, ValueLayout.JAVA_BYTE, r * bytes.length, bytes.length);
    }
  }

  /** Adds the update of row {@code row} to {@code out}, whose length is the number of columns. */
  public void addTo(long row, float[] out) {
    int from = Math.toIntExact(row * a.length);
    float[] sum = new float[out.length];
    for (int j = 0; j < a.length; j++) {
      addProduct(b[from + j], a[j], sum);
    }
    for (int i = 0; i < out.length; i++) {
      out[i] += scale * sum[i];
    }
  }

  /** A small loop, soon compiled; over whole arrays, for which the JIT makes vectors of it. */
  private static void addProduct(float factor, float[] x, float[] sum) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] = Math.fma(factor, x[i], sum[i]);
    }
  }
}
