package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Dequantisation to f32: the scalar reference that kernels are tested against. Bit for bit what {@code gguf.quants} of
 * the Python package gguf computes, so the order of operations and the rounding to f32 after each are part of the
 * contract.
 */
final class Dequantizer {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Dequantizer() {}

  /**
   * Dequantises {@code elements} elements, a whole number of blocks, from byte {@code offset} of {@code data} to
   * {@code out[outOffset ..]}.
   */
  static void dequantize(DType type, MemorySegment data, long offset, int elements, float[] out, int outOffset) {
    if (elements % type.blockSize() != 0) {
      throw new IllegalArgumentException(elements + " elements are no whole number of " + type + " blocks");
    }
    switch (type) {
      case F32 -> MemorySegment.copy(data, FLOAT, offset, out, outOffset, elements);
      case F16 -> {
        for (int i = 0; i < elements; i++) {
          out[outOffset + i] = half(data, offset + 2L * i);
        }
      }
      case BF16 -> {
        for (int i = 0; i < elements; i++) {
          out[outOffset + i] = Float.intBitsToFloat(data.get(SHORT, offset + 2L * i) << 16);
        }
      }
      default -> blocks(type, data, offset, elements / type.blockSize(), out, outOffset);
    }
  }

  /**
   * All elements of a tensor. They are copied from one segment to another: between a segment and an array the JDK makes
   * code while running for a switch over array types, and reading halves one by one is slow until it is compiled.
   */
  static float[] toFloats(DType type, MemorySegment data, int elements) {
    float[] out = new float[elements];
    switch (type) {
      case F32 -> MemorySegment.copy(data, FLOAT, 0, MemorySegment.ofArray(out), FLOAT, 0, elements);
      case F16 -> {
        short[] halves = new short[elements];
        MemorySegment.copy(data, SHORT, 0, MemorySegment.ofArray(halves), SHORT, 0, elements);
        for (int i = 0; i < elements; i++) {
          out[i] = Float.float16ToFloat(halves[i]);
        }
      }
      default -> dequantize(type, data, 0, elements, out, 0);
    }
    return out;
  }

  private static void blocks(DType type, MemorySegment data, long offset, int blocks, float[] out, int outOffset) {
    for (int b = 0; b < blocks; b++) {
      long in = offset + (long) b * type.blockBytes();
      int to = outOffset + b * type.blockSize();
      switch (type) {
        case Q4_0 -> q4(data, in + 2, half(data, in), -8, 0, out, to);
        case Q4_1 -> q4(data, in + 4, half(data, in), 0, half(data, in + 2), out, to);
        case Q5_0 -> q5(data, in + 6, data.get(INT, in + 2), half(data, in), -16, 0, out, to);
        case Q5_1 -> q5(data, in + 8, data.get(INT, in + 4), half(data, in), 0, half(data, in + 2), out, to);
        case Q8_0 -> q8(data, in + 2, half(data, in), out, to);
        case Q2_K -> KQuants.q2(data, in, out, to);
        case Q3_K -> KQuants.q3(data, in, out, to);
        case Q4_K -> KQuants.q4(data, in, out, to);
        case Q5_K -> KQuants.q5(data, in, out, to);
        case Q6_K -> KQuants.q6(data, in, out, to);
        default -> throw new IllegalArgumentException(type + " has no blocks");
      }
    }
  }

  /** The f16 at a byte offset. */
  static float half(MemorySegment data, long offset) {
    return Float.float16ToFloat(data.get(SHORT, offset));
  }

  /** 16 bytes of nibbles: the low ones are elements 0..15, the high ones 16..31. */
  private static void q4(MemorySegment data, long in, float d, int bias, float min, float[] out, int to) {
    for (int i = 0; i < 16; i++) {
      int q = data.get(ValueLayout.JAVA_BYTE, in + i);
      out[to + i] = affine(d, (q & 15) + bias, min, bias);
      out[to + i + 16] = affine(d, (q >> 4 & 15) + bias, min, bias);
    }
  }

  /** As {@link #q4}, with the fifth bit of element i in bit i of {@code high}. */
  private static void q5(MemorySegment data, long in, int high, float d, int bias, float min, float[] out, int to) {
    for (int i = 0; i < 16; i++) {
      int q = data.get(ValueLayout.JAVA_BYTE, in + i);
      out[to + i] = affine(d, (q & 15 | (high >>> i & 1) << 4) + bias, min, bias);
      out[to + i + 16] = affine(d, (q >> 4 & 15 | (high >>> i + 16 & 1) << 4) + bias, min, bias);
    }
  }

  /** The symmetric types add nothing: adding 0 would turn a product of -0 into +0. */
  private static float affine(float d, int q, float min, int bias) {
    return bias == 0 ? d * q + min : d * q;
  }

  private static void q8(MemorySegment data, long in, float d, float[] out, int to) {
    for (int i = 0; i < 32; i++) {
      out[to + i] = d * data.get(ValueLayout.JAVA_BYTE, in + i);
    }
  }
}
