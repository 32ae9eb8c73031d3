package dev.depths.runtime.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.function.DoubleSupplier;

/** Packed matrices of every format with random contents, written without the packer. */
final class RandomPanels {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private RandomPanels() {}

  /** Gaussian weights, or random codes under random scales and minima. */
  static PackedMatrix real(PanelFormat format, int panels, int columns, Random random) {
    return of(format, panels, columns, random, random::nextGaussian, random::nextGaussian);
  }

  /** Weights and minima that are small integers, so that sums of products are exact in any order. */
  static PackedMatrix integral(PanelFormat format, int panels, int columns, Random random) {
    return of(format, panels, columns, random, () -> format.isInteger() ? 1 : random.nextInt(17) - 8,
        () -> random.nextInt(17) - 8);
  }

  private static PackedMatrix of(PanelFormat format, int panels, int columns, Random random, DoubleSupplier value,
      DoubleSupplier minimum) {
    PackedMatrix m = Packer.allocate(format, 32 * panels, columns, Arena.ofAuto());
    MemorySegment data = m.data();
    switch (format) {
      case F32 -> {
        for (long o = 0; o < m.bytes(); o += 4) {
          data.set(FLOAT, o, (float) value.getAsDouble());
        }
      }
      case F16 -> {
        for (long o = 0; o < m.bytes(); o += 2) {
          data.set(SHORT, o, Float.floatToFloat16((float) value.getAsDouble()));
        }
      }
      case BF16 -> {
        for (long o = 0; o < m.bytes(); o += 2) {
          data.set(SHORT, o, (short) (Float.floatToRawIntBits((float) value.getAsDouble()) >> 16));
        }
      }
      default -> {
        for (long block = 0; block < m.bytes(); block += format.blockBytes()) {
          codes(data.asSlice(block, format.weightBytes()), random);
          for (int r = 0; r < 32; r++) {
            long scale = block + format.weightBytes() + 2L * r;
            data.set(SHORT, scale, Float.floatToFloat16((float) value.getAsDouble()));
            if (format.hasMin()) {
              data.set(SHORT, scale + 64, Float.floatToFloat16((float) minimum.getAsDouble()));
            }
          }
        }
      }
    }
    return m;
  }

  /** Random, or all the least, or all the largest: where sums come nearest to overflow. */
  private static void codes(MemorySegment to, Random random) {
    byte[] bytes = new byte[(int) to.byteSize()];
    switch (random.nextInt(6)) {
      case 0 -> Arrays.fill(bytes, (byte) 0x80);
      case 1 -> Arrays.fill(bytes, (byte) 0x7f);
      case 2 -> Arrays.fill(bytes, (byte) 0);
      case 3 -> Arrays.fill(bytes, (byte) 0xff);
      default -> random.nextBytes(bytes);
    }
    MemorySegment.copy(bytes, 0, to, ValueLayout.JAVA_BYTE, 0, bytes.length);
  }
}
