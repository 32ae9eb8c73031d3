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

  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

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
      case BF12 -> bf12(m, random, value);
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

  /** Of each panel a few are outliers, in which the lanes have code 0. */
  private static void bf12(PackedMatrix m, Random random, DoubleSupplier value) {
    for (int p = 0; p < m.panels(); p++) {
      int most = Math.min(random.nextInt(4), Bf12.maxOutliers(m.columns()));
      int outliers = 0;
      for (int r = 0; r < Panels.ROWS; r++) {
        float scale = Math.scalb(1f, 119 + random.nextInt(3));
        m.data().set(FLOAT, Bf12.scales(m, p) + 4L * r, scale);
        for (int c = 0; c < m.columns(); c++) {
          float weight = Float.intBitsToFloat(Float.floatToRawIntBits((float) value.getAsDouble()) & 0xffff0000);
          int code = Float.floatToRawIntBits(weight / scale) >> 16;
          if (outliers < most && random.nextInt(97) == 0) {
            long outlier = Bf12.outliers(m, p) + 4 + 8L * outliers++;
            m.data().set(INT, outlier, c * Panels.ROWS + r);
            m.data().set(FLOAT, outlier + 4, weight);
            code = 0;
          }
          code(m.data(), m.offset(p) + c / 4 * 192L + 2L * Panels.lane(r), c % 4, (code & 0x7f80) == 0 ? 0 : code);
        }
      }
      m.data().set(INT, Bf12.outliers(m, p), outliers);
    }
  }

  private static void code(MemorySegment w, long lane, int column, int code) {
    if (column < 3) {
      put(w, lane + 64 * column, code & 0x87ff);
    } else {
      put(w, lane, (code >> 7 & 15) << 11);
      put(w, lane + 64, (code >> 3 & 15) << 11);
      put(w, lane + 128, (code & 7 | code >> 12 & 8) << 11);
    }
  }

  private static void put(MemorySegment w, long at, int bits) {
    w.set(SHORT, at, (short) (w.get(SHORT, at) | bits));
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
