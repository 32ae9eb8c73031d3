package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/**
 * Tensors of random weights, written as the blocks of their type: random codes, and scales that give weights a standard
 * deviation of about 0.02 and, where the type has minima, a mean of zero.
 */
final class RandomTensors {
  private static final double DEVIATION = 0.02;
  private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Arena arena;
  private final SplittableRandom random = new SplittableRandom(1);

  RandomTensors(Arena arena) {
    this.arena = arena;
  }

  /** A vector of ones, as norms begin. */
  Tensor ones(String name, int n) {
    float[] ones = new float[n];
    Arrays.fill(ones, 1);
    MemorySegment data = arena.allocate(4L * n, 64);
    MemorySegment.copy(ones, 0, data, FLOAT, 0, n);
    return new Tensor(name, DType.F32, List.of((long) n), data);
  }

  /** A matrix. */
  Tensor matrix(String name, DType type, long rows, long columns) {
    MemorySegment data = arena.allocate(type.bytes(rows * columns), 64);
    switch (type) {
      case F32 -> floats(data);
      case F16 -> halves(data, 0);
      case BF16 -> halves(data, 16);
      default -> blocks(type, data);
    }
    return new Tensor(name, type, LongStream.of(rows, columns).boxed().toList(), data);
  }

  private void floats(MemorySegment data) {
    for (long o = 0; o < data.byteSize(); o += Float.BYTES) {
      data.set(FLOAT, o, uniform());
    }
  }

  /** @param bfloat16Shift 16 to cut floats to bfloat16, 0 for IEEE halves */
  private void halves(MemorySegment data, int bfloat16Shift) {
    for (long o = 0; o < data.byteSize(); o += Short.BYTES) {
      float x = uniform();
      data.set(HALF, o, bfloat16Shift == 0 ? Float.floatToFloat16(x)
          : (short) (Float.floatToRawIntBits(x) >> bfloat16Shift));
    }
  }

  private float uniform() {
    return (float) ((2 * random.nextDouble() - 1) * Math.sqrt(3) * DEVIATION);
  }

  private void blocks(DType type, MemorySegment data) {
    byte[] block = new byte[type.blockBytes()];
    for (long o = 0; o < data.byteSize(); o += block.length) {
      random.nextBytes(block);
      MemorySegment.copy(block, 0, data, ValueLayout.JAVA_BYTE, o, block.length);
      switch (type) {
        case Q4_0 -> scale(data, o, 4.6);
        case Q4_1 -> scaleAndMinimum(data, o, 4.6, -7.5);
        case Q5_0 -> scale(data, o, 9.2);
        case Q5_1 -> scaleAndMinimum(data, o, 9.2, -15.5);
        case Q8_0 -> scale(data, o, 74);
        // Scales of sub-blocks are codes as well: 74 · 18.5, 2.3 · 18.5, and 8.8 · 1.1 with minima about as large.
        case Q6_K -> scale(data, o + 208, 1366);
        case Q3_K -> scale(data, o + 108, 42);
        case Q2_K -> scaleAndMinimum(data, o + 80, 10, 1.5);
        default -> throw new IllegalArgumentException("no random " + type);
      }
    }
  }

  /** @param deviation of the codes */
  private static void scale(MemorySegment data, long offset, double deviation) {
    data.set(HALF, offset, Float.floatToFloat16((float) (DEVIATION / deviation)));
  }

  /** @param minimum in codes */
  private static void scaleAndMinimum(MemorySegment data, long offset, double deviation, double minimum) {
    scale(data, offset, deviation);
    data.set(HALF, offset + 2, Float.floatToFloat16((float) (minimum * DEVIATION / deviation)));
  }
}
