package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;

/**
 * A named tensor: a view of the mapped file, or of memory for models built in it.
 *
 * @param name the tensor's name as GGUF writes it, e.g. {@code blk.0.attn_q.weight}
 * @param type the element type
 * @param shape dimensions, outermost first: {@code [rows, columns]} for a matrix, {@code [n]} for a vector
 * @param data the elements, row-major, little-endian, {@code type.bytes(elements)} long, native memory
 */
public record Tensor(String name, DType type, List<Long> shape, MemorySegment data) {
  public Tensor {
    shape = List.copyOf(shape);
  }

  /** Columns: the length of the innermost dimension. */
  public int columns() {
    return Math.toIntExact(shape.getLast());
  }

  /** Rows: the product of all but the innermost dimension; 1 for a vector. */
  public long rows() {
    long rows = 1;
    for (long d : shape.subList(0, shape.size() - 1)) {
      rows *= d;
    }
    return rows;
  }

  /** Whether the shape is this one, of which a single row may also be written as a vector. */
  boolean fits(List<Long> expected) {
    boolean vector = expected.size() == 2 && expected.getFirst() == 1 && shape.equals(expected.subList(1, 2));
    return vector || shape.equals(expected);
  }

  /**
   * Part {@code index} of the outermost dimension, as one of n matrices [n, rows, columns]: a view of the same memory.
   *
   * @param partName the part's name
   * @throws IndexOutOfBoundsException if there is no such part
   * @throws IllegalArgumentException if the tensor is a vector
   */
  public Tensor part(int index, String partName) {
    if (shape.size() < 2) {
      throw new IllegalArgumentException(name + " of the shape " + shape + " has no parts");
    }
    Objects.checkIndex(index, shape.getFirst());
    long bytes = data.byteSize() / shape.getFirst();
    return new Tensor(partName, type, shape.subList(1, shape.size()), data.asSlice(index * bytes, bytes));
  }

  /**
   * Writes row {@code row}, dequantised to f32, to {@code out[offset ..< offset + columns()]}.
   *
   * @throws MalformedFileException if the file that the tensor is a view of was cut off after it was opened
   */
  public void dequantize(long row, float[] out, int offset) {
    try {
      Dequantizer.dequantize(type, data, row * type.bytes(columns()), columns(), out, offset);
    } catch (InternalError e) {
      throw lost(e);
    }
  }

  /** Copies bytes of the elements, from byte {@code offset} on; fails as {@link #dequantize} does. */
  public void copy(long offset, byte[] out, int outOffset, int bytes) {
    try {
      MemorySegment.copy(data, ValueLayout.JAVA_BYTE, offset, out, outOffset, bytes);
    } catch (InternalError e) {
      throw lost(e);
    }
  }

  /**
   * All elements, dequantised to f32: for vectors and small matrices.
   *
   * @throws MalformedFileException if the file that the tensor is a view of was cut off after it was opened
   */
  public float[] toFloats() {
    try {
      return Dequantizer.toFloats(type, data, Math.toIntExact(rows() * columns()));
    } catch (InternalError e) {
      throw lost(e);
    }
  }

  private MalformedFileException lost(InternalError e) {
    return MappedFile.lost("mapped file", "tensor " + name, e);
  }
}
