package dev.depths.runtime.kernel;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** Unpacks columns of a panel to the f32 form {@code [column][32]}, once for all rows of a tile. */
final class Unpack {
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private Unpack() {}

  /** Unpacks {@code columns} columns, a whole number of blocks, from the start of a block. */
  static void unpack(MemorySegment w, long wOffset, PanelFormat format, int columns, MemorySegment out) {
    switch (format) {
      case F32 -> throw new IllegalArgumentException("an f32 panel needs no unpacking");
      case F16 -> half(w, wOffset, columns, out);
      case BF16 -> bfloat16(w, wOffset, columns, out);
      default -> {
        for (int v = 0; v < 16; v += L) {
          integers(w, wOffset + v * 4L, format, columns, out, v * 4L);
        }
      }
    }
  }

  private static void integers(MemorySegment w, long wOffset, PanelFormat format, int columns, MemorySegment out,
      long outOffset) {
    switch (format) {
      case I5, I5_MIN, I6_16 ->
          highBits(w, wOffset, columns, format.block(), format.bits() - 4, format.hasMin(), out, outOffset);
      case I8 -> i8(w, wOffset, columns, out, outOffset);
      default -> i4(w, wOffset, columns, format.block(), format.hasMin(), out, outOffset);
    }
  }

  private static void bfloat16(MemorySegment w, long wOffset, int columns, MemorySegment out) {
    for (int i = 0; i < columns; i++) {
      long from = wOffset + (long) i * Panels.LANE_BYTES;
      long to = (long) i * Panels.FLOAT_BYTES;
      for (int v = 0; v < 16; v += L) {
        IntVector n = IntVector.fromMemorySegment(I, w, from + v * 4L, LE);
        n.lanewise(LSHL, 16).intoMemorySegment(out, to + v * 4L, LE);
        n.and(0xffff0000).intoMemorySegment(out, to + v * 4L + 64, LE);
      }
    }
  }

  private static void half(MemorySegment w, long wOffset, int columns, MemorySegment out) {
    for (int i = 0; i < columns; i++) {
      long from = wOffset + (long) i * Panels.LANE_BYTES;
      long to = (long) i * Panels.FLOAT_BYTES;
      for (int v = 0; v < 16; v += L) {
        IntVector n = IntVector.fromMemorySegment(I, w, from + v * 4L, LE);
        Halves.low(n).mul(Halves.SCALE).intoMemorySegment(out, to + v * 4L, LE);
        Halves.high(n).mul(Halves.SCALE).intoMemorySegment(out, to + v * 4L + 64, LE);
      }
    }
  }

  // A helper in a branch that was cold when its method was compiled is not inlined, and boxes: minima are loaded in place,
  // and without minima from the scales once more.
  private static void i4(MemorySegment w, long wOffset, int columns, int size, boolean min, MemorySegment out,
      long outOffset) {
    int groups = size / 4;
    long block = wOffset;
    long o = outOffset;
    for (int b = 0; b < columns / size; b++) {
      long scales = block + groups * 64L;
      IntVector d = IntVector.fromMemorySegment(I, w, scales, LE);
      IntVector m = IntVector.fromMemorySegment(I, w, min ? scales + 64 : scales, LE);
      float mScale = min ? Halves.SCALE : -PanelFormat.I4.bias() * Halves.SCALE;
      FloatVector dEven = Halves.low(d).mul(Halves.SCALE);
      FloatVector dOdd = Halves.high(d).mul(Halves.SCALE);
      FloatVector mEven = Halves.low(m).mul(mScale);
      FloatVector mOdd = Halves.high(m).mul(mScale);
      for (int g = 0; g < groups; g++) {
        IntVector n = IntVector.fromMemorySegment(I, w, block + g * 64L, LE);
        for (int j = 0; j < 4; j++) {
          toFloat(n.lanewise(LSHR, 4 * j).and(15)).fma(dEven, mEven).intoMemorySegment(out, o, LE);
          toFloat(n.lanewise(LSHR, 16 + 4 * j).and(15)).fma(dOdd, mOdd).intoMemorySegment(out, o + 64, LE);
          o += Panels.FLOAT_BYTES;
        }
      }
      block = scales + (min ? 128 : 64);
    }
  }

  /** @param high bits above the nibble */
  private static void highBits(MemorySegment w, long wOffset, int columns, int size, int high, boolean min,
      MemorySegment out, long outOffset) {
    int mask = (1 << high) - 1 << 4;
    long block = wOffset;
    long o = outOffset;
    for (int b = 0; b < columns / size; b++) {
      long bits = block + size * 16L;
      long scales = bits + 128;
      IntVector d = IntVector.fromMemorySegment(I, w, scales, LE);
      IntVector m = IntVector.fromMemorySegment(I, w, min ? scales + 64 : scales, LE);
      float mScale = min ? Halves.SCALE : -(8 << high) * Halves.SCALE;
      FloatVector dEven = Halves.low(d).mul(Halves.SCALE);
      FloatVector dOdd = Halves.high(d).mul(Halves.SCALE);
      FloatVector mEven = Halves.low(m).mul(mScale);
      FloatVector mOdd = Halves.high(m).mul(mScale);
      for (int g = 0; g < size / 4; g++) {
        IntVector n = IntVector.fromMemorySegment(I, w, block + g * 64L, LE);
        IntVector h = IntVector.fromMemorySegment(I, w, bits + g % 2 * 64L, LE).lanewise(LSHR, g / 2 * high);
        // Column by column: so many operations are not unrolled, and shifts by a variable take longer.
        for (int j = 0; j < 4; j++) {
          IntVector even = n.and(15).or(h.lanewise(LSHL, 4).and(mask));
          IntVector odd = n.lanewise(LSHR, 16).and(15).or(h.lanewise(LSHR, 12).and(mask));
          ((FloatVector) even.convert(I2F, 0)).fma(dEven, mEven).intoMemorySegment(out, o, LE);
          ((FloatVector) odd.convert(I2F, 0)).fma(dOdd, mOdd).intoMemorySegment(out, o + 64, LE);
          n = n.lanewise(LSHR, 4);
          h = h.lanewise(LSHR, 4);
          o += Panels.FLOAT_BYTES;
        }
      }
      block = scales + (min ? 128 : 64);
    }
  }

  private static void i8(MemorySegment w, long wOffset, int columns, MemorySegment out, long outOffset) {
    int weights = PanelFormat.I8.weightBytes();
    long block = wOffset;
    long o = outOffset;
    for (int b = 0; b < columns / 32; b++) {
      IntVector d = IntVector.fromMemorySegment(I, w, block + weights, LE);
      FloatVector dEven = Halves.low(d).mul(Halves.SCALE);
      FloatVector dOdd = Halves.high(d).mul(Halves.SCALE);
      for (int g = 0; g < 16; g++) {
        IntVector n = IntVector.fromMemorySegment(I, w, block + g * 64L, LE);
        toFloat(byteOf(n, 24)).mul(dEven).intoMemorySegment(out, o, LE);
        toFloat(byteOf(n, 8)).mul(dOdd).intoMemorySegment(out, o + 64, LE);
        toFloat(byteOf(n, 16)).mul(dEven).intoMemorySegment(out, o + 128, LE);
        toFloat(n.lanewise(ASHR, 24)).mul(dOdd).intoMemorySegment(out, o + 192, LE);
        o += 2 * Panels.FLOAT_BYTES;
      }
      block += weights + 64;
    }
  }

  /** The signed byte of each int lane that a shift to the left by so many bits brings to the top. */
  private static IntVector byteOf(IntVector n, int shift) {
    return n.lanewise(LSHL, shift).lanewise(ASHR, 24);
  }

  private static FloatVector toFloat(IntVector v) {
    return (FloatVector) v.convert(I2F, 0);
  }
}
