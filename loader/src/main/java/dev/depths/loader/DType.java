package dev.depths.loader;

import java.util.Optional;

/**
 * Element types of tensors, with the block layout of GGML (<a
 * href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">GGUF specification</a>).
 */
public enum DType {
  F32(0, 1, 4),
  F16(1, 1, 2),
  Q4_0(2, 32, 18),
  Q4_1(3, 32, 20),
  Q5_0(6, 32, 22),
  Q5_1(7, 32, 24),
  Q8_0(8, 32, 34),
  Q2_K(10, 256, 84),
  Q3_K(11, 256, 110),
  Q4_K(12, 256, 144),
  Q5_K(13, 256, 176),
  Q6_K(14, 256, 210),
  BF16(30, 1, 2);

  private final int ggmlId;
  private final int blockSize;
  private final int blockBytes;

  DType(int ggmlId, int blockSize, int blockBytes) {
    this.ggmlId = ggmlId;
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  /** The type with this number in GGUF files, or empty if it is not supported. */
  static Optional<DType> ofGgmlId(long id) {
    for (DType type : values()) {
      if (type.ggmlId == id) {
        return Optional.of(type);
      }
    }
    return Optional.empty();
  }

  /** The type's number in GGUF files. */
  public int ggmlId() {
    return ggmlId;
  }

  /** Elements per block; a tensor's row is a whole number of blocks. */
  public int blockSize() {
    return blockSize;
  }

  /** Bytes per block. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Bytes of {@code elements} elements, which must be a multiple of {@link #blockSize()}. */
  public long bytes(long elements) {
    return Math.multiplyExact(elements / blockSize, blockBytes);
  }
}
