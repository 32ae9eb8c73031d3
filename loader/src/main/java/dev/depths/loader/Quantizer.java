package dev.depths.loader;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * Quantisation from f32, bit for bit as {@code quantize_row_*_ref} of <a
 * href="https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c">ggml</a> and {@code gguf.quants} of the Python
 * package gguf compute it: the order of operations and the rounding to f32 after each are part of the contract.
 */
final class Quantizer {
  /** The types that can be made. */
  static final Set<DType> TYPES = Collections.unmodifiableSet(
      EnumSet.of(DType.F32, DType.F16, DType.BF16, DType.Q8_0, DType.Q4_0, DType.Q4_1));

  private static final int BLOCK = 32;

  private Quantizer() {}

  /**
   * Quantises {@code in[0 ..< n]}, a whole number of blocks, to {@code out[offset ..]}.
   *
   * @throws ArithmeticException if the type has blocks and a value is not finite, for which no scale exists
   */
  static void quantize(DType type, float[] in, int n, byte[] out, int offset) {
    if (n % type.blockSize() != 0) {
      throw new IllegalArgumentException(n + " elements are no whole number of " + type + " blocks");
    }
    ByteBuffer to = ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN).position(offset);
    switch (type) {
      case F32 -> to.asFloatBuffer().put(in, 0, n);
      case F16 -> {
        for (int i = 0; i < n; i++) {
          to.putShort(Float.floatToFloat16(in[i]));
        }
      }
      case BF16 -> {
        for (int i = 0; i < n; i++) {
          to.putShort(bfloat16(in[i]));
        }
      }
      case Q8_0 -> forEachBlock(in, n, from -> q8(in, from, to));
      case Q4_0 -> forEachBlock(in, n, from -> q4Symmetric(in, from, to));
      case Q4_1 -> forEachBlock(in, n, from -> q4Affine(in, from, to));
      default -> throw new IllegalArgumentException(type + " cannot be made");
    }
  }

  /** Rounds to nearest, ties to even; a NaN stays one. */
  private static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) (Float.isNaN(value) ? bits >>> 16 | 64 : bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  @FunctionalInterface
  private interface Block {
    void quantize(int from);
  }

  private static void forEachBlock(float[] in, int n, Block block) {
    for (int from = 0; from < n; from += BLOCK) {
      for (int i = from; i < from + BLOCK; i++) {
        if (!Float.isFinite(in[i])) {
          throw new ArithmeticException("holds " + in[i] + ", which cannot be quantised");
        }
      }
      block.quantize(from);
    }
  }

  private static void q8(float[] in, int from, ByteBuffer to) {
    float largest = 0;
    for (int i = from; i < from + BLOCK; i++) {
      largest = Math.max(largest, Math.abs(in[i]));
    }
    float d = largest / 127;
    float inverse = inverse(d);
    to.putShort(Float.floatToFloat16(d));
    for (int i = from; i < from + BLOCK; i++) {
      float x = in[i] * inverse;
      // Half away from zero; the sum is exact in f64.
      to.put((byte) (int) (x + Math.copySign(0.5, x)));
    }
  }

  /** The value of largest magnitude becomes code 0, that is -8. */
  private static void q4Symmetric(float[] in, int from, ByteBuffer to) {
    float largest = 0;
    for (int i = from; i < from + BLOCK; i++) {
      if (Math.abs(largest) < Math.abs(in[i])) {
        largest = in[i];
      }
    }
    float d = largest / -8;
    to.putShort(Float.floatToFloat16(d));
    nibbles(in, from, 0, inverse(d), 8.5f, to);
  }

  private static void q4Affine(float[] in, int from, ByteBuffer to) {
    float min = Float.MAX_VALUE;
    float max = -Float.MAX_VALUE;
    for (int i = from; i < from + BLOCK; i++) {
      min = in[i] < min ? in[i] : min;
      max = in[i] > max ? in[i] : max;
    }
    float d = (max - min) / 15;
    to.putShort(Float.floatToFloat16(d));
    to.putShort(Float.floatToFloat16(min));
    nibbles(in, from, min, inverse(d), 0.5f, to);
  }

  /** Elements 0 to 15 in the low nibbles, 16 to 31 in the high ones. */
  private static void nibbles(float[] in, int from, float min, float inverse, float bias, ByteBuffer to) {
    for (int i = from; i < from + BLOCK / 2; i++) {
      int low = Math.min(15, (int) ((in[i] - min) * inverse + bias));
      int high = Math.min(15, (int) ((in[i + BLOCK / 2] - min) * inverse + bias));
      to.put((byte) (low | high << 4));
    }
  }

  private static float inverse(float d) {
    return d == 0 ? 0 : 1 / d;
  }
}
