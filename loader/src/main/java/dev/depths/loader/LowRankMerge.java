package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;

/**
 * Adds a low-rank update (LoRA, arXiv 2106.09685) to a matrix: {@code W + B·A}, each element rounded to W's type once, as
 * torch does when it adds a product in f32 to a matrix of another type.
 */
final class LowRankMerge {
  private static final int MAX_RANK = 1 << 10;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private LowRankMerge() {}

  /**
   * The sum, in memory.
   *
   * @param w [out, in]
   * @param a [rank, in]
   * @param b [out, rank]
   * @throws MalformedFileException if the shapes are not these
   */
  static Tensor merge(SourceTensors tensors, Tensor w, Tensor a, Tensor b) {
    boolean matrices = w.shape().size() == 2 && a.shape().size() == 2 && b.shape().size() == 2;
    if (!matrices || a.rows() > MAX_RANK || a.columns() != w.columns() || w.columns() > Limits.WIDTH
        || !b.shape().equals(List.of(w.rows(), a.rows()))) {
      throw tensors.malformed(a, "has the shapes " + a.shape() + " and " + b.shape()
          + " of its factors, expected [rank, in] and [out, rank] for " + w.name() + ' ' + w.shape()
          + ", rank at most " + MAX_RANK);
    }
    int rank = (int) a.rows();
    int columns = w.columns();
    float[] factor = a.toFloats();
    float[] row = new float[columns];
    float[] weights = new float[rank];
    MemorySegment sum = tensors.allocate(w.data().byteSize());
    for (long r = 0; r < w.rows(); r++) {
      w.dequantize(r, row, 0);
      b.dequantize(r, weights, 0);
      for (int i = 0; i < columns; i++) {
        float update = 0;
        for (int j = 0; j < rank; j++) {
          update += weights[j] * factor[j * columns + i];
        }
        row[i] += update;
      }
      write(row, w.type(), sum, r * w.type().bytes(columns));
    }
    return new Tensor(w.name(), w.type(), w.shape(), sum);
  }

  private static void write(float[] row, DType type, MemorySegment out, long offset) {
    for (int i = 0; i < row.length; i++) {
      switch (type) {
        case F32 -> out.set(INT, offset + 4L * i, Float.floatToRawIntBits(row[i]));
        case F16 -> out.set(SHORT, offset + 2L * i, Float.floatToFloat16(row[i]));
        case BF16 -> out.set(SHORT, offset + 2L * i, bf16(row[i]));
        default -> throw new IllegalArgumentException(type + " is not a type of safetensors files");
      }
    }
  }

  /** Rounded half to even. */
  private static short bf16(float x) {
    int bits = Float.floatToIntBits(x);
    return (short) (Float.isNaN(x) ? bits >>> 16 : bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }
}
