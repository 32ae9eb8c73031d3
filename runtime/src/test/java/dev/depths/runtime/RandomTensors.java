package dev.depths.runtime;

import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Tensors of every type with random valid elements of a given standard deviation, about. */
public final class RandomTensors {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private RandomTensors() {}

  /** A matrix [rows, columns]. */
  public static Tensor matrix(String name, DType type, int rows, int columns, double deviation, Random random) {
    return matrix(name, type, rows, columns, deviation, false, random);
  }

  /**
   * A matrix [rows, columns].
   *
   * @param extremes whether the codes of some blocks are all the least or all the largest
   */
  public static Tensor matrix(String name, DType type, int rows, int columns, double deviation, boolean extremes,
      Random random) {
    MemorySegment data = Arena.ofAuto().allocate(type.bytes((long) rows * columns), 32);
    switch (type) {
      case F32 -> {
        for (long i = 0; i < (long) rows * columns; i++) {
          data.set(FLOAT, 4 * i, (float) (deviation * random.nextGaussian()));
        }
      }
      case F16 -> {
        for (long i = 0; i < (long) rows * columns; i++) {
          data.set(SHORT, 2 * i, Float.floatToFloat16((float) (deviation * random.nextGaussian())));
        }
      }
      case BF16 -> {
        for (long i = 0; i < (long) rows * columns; i++) {
          data.set(SHORT, 2 * i, (short) (Float.floatToRawIntBits((float) (deviation * random.nextGaussian())) >> 16));
        }
      }
      default -> {
        for (long o = 0; o < data.byteSize(); o += type.blockBytes()) {
          block(type, data.asSlice(o, type.blockBytes()), deviation, extremes, random);
        }
      }
    }
    return new Tensor(name, type, List.of((long) rows, (long) columns), data);
  }

  /** A vector of f32 elements about {@code mean}. */
  public static Tensor vector(String name, int n, double mean, double deviation, Random random) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) (mean + deviation * random.nextGaussian());
    }
    return f32(name, values, n);
  }

  /** Given f32 elements; dimensions outermost first. */
  public static Tensor f32(String name, float[] values, long... shape) {
    MemorySegment data = Arena.ofAuto().allocate(4L * values.length, 32);
    MemorySegment.copy(values, 0, data, FLOAT, 0, values.length);
    return new Tensor(name, DType.F32, Arrays.stream(shape).boxed().toList(), data);
  }

  /** Random codes under scales that give the deviation; minima are such that weights are about zero on average. */
  private static void block(DType type, MemorySegment block, double deviation, boolean extremes, Random random) {
    byte[] bytes = new byte[type.blockBytes()];
    switch (extremes ? random.nextInt(8) : 2) {
      case 0 -> Arrays.fill(bytes, (byte) 0);
      case 1 -> Arrays.fill(bytes, (byte) 0xff);
      default -> random.nextBytes(bytes);
    }
    MemorySegment.copy(bytes, 0, block, ValueLayout.JAVA_BYTE, 0, bytes.length);
    double d = deviation * (0.5 + random.nextDouble());
    double sign = random.nextBoolean() ? 1 : -1;
    switch (type) {
      case Q4_0 -> half(block, 0, sign * d / 4.6);
      case Q4_1 -> scaleAndMinimum(block, 0, d / 4.6, -7.5);
      case Q5_0 -> half(block, 0, sign * d / 9.2);
      case Q5_1 -> scaleAndMinimum(block, 0, d / 9.2, -15.5);
      case Q8_0 -> half(block, 0, d / 74);
      case Q2_K -> scaleAndMinimum(block, 80, d / 14, 1.5);
      case Q3_K -> half(block, 108, sign * d / 43);
      case Q4_K -> scaleAndMinimum(block, 0, d / 258, 7.5);
      case Q5_K -> scaleAndMinimum(block, 0, d / 524, 15.5);
      case Q6_K -> half(block, 208, sign * d / 1366);
      case F32, F16, BF16 -> throw new IllegalArgumentException(type + " has no blocks");
    }
  }

  private static void scaleAndMinimum(MemorySegment block, long offset, double scale, double minimumPerScale) {
    half(block, offset, scale);
    half(block, offset + 2, scale * minimumPerScale);
  }

  private static void half(MemorySegment block, long offset, double value) {
    block.set(SHORT, offset, Float.floatToFloat16((float) value));
  }
}
