package dev.depths.loader;

import java.lang.foreign.MemorySegment;

/** Dequantisation of the GGML block formats to f32: the scalar reference that kernels are tested against. */
final class Dequantizer {
  private Dequantizer() {}

  static void dequantize(DType type, MemorySegment data, long offset, int elements, float[] out, int outOffset) {
    throw new UnsupportedOperationException("being written");
  }
}
