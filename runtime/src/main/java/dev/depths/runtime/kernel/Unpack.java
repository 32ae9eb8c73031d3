package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Unpacks columns of a panel to the f32 form {@code [column][32]}, once for all rows of a tile. */
final class Unpack {
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private Unpack() {}

  /** Unpacks {@code columns} columns, a whole number of blocks, from the start of a block. */
  static void unpack(MemorySegment w, long wOffset, PanelFormat format, int columns, MemorySegment out) {
    for (int v = 0; v < 16; v += L) {
      switch (format) {
        case F32 -> throw new IllegalArgumentException("an f32 panel needs no unpacking");
        case BF16 -> bfloat16(w, wOffset + v * 4L, columns, out, v * 4L);
        case F16 -> half(w, wOffset + v * 4L, columns, out, v * 4L);
        case I4, I4_MIN -> i4(w, wOffset + v * 4L, columns, format.hasMin(), out, v * 4L);
        default -> i8(w, wOffset + v * 4L, columns, format.block(), format.hasMin(), out, v * 4L);
      }
    }
  }

  private static void bfloat16(MemorySegment w, long wOffset, int columns, MemorySegment out, long outOffset) {
    for (int i = 0; i < columns; i++) {
      IntVector n = IntVector.fromMemorySegment(I, w, wOffset + (long) i * Panels.LANE_BYTES, LE);
      long o = outOffset + (long) i * Panels.FLOAT_BYTES;
      n.lanewise(VectorOperators.LSHL, 16).intoMemorySegment(out, o, LE);
      n.and(0xffff0000).intoMemorySegment(out, o + 64, LE);
    }
  }

  private static void half(MemorySegment w, long wOffset, int columns, MemorySegment out, long outOffset) {
    for (int i = 0; i < columns; i++) {
      IntVector n = IntVector.fromMemorySegment(I, w, wOffset + (long) i * Panels.LANE_BYTES, LE);
      long o = outOffset + (long) i * Panels.FLOAT_BYTES;
      n.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 3).and(0x8fffe000).reinterpretAsFloats()
          .mul(HalfGemv.HALF_SCALE).intoMemorySegment(out, o, LE);
      n.lanewise(VectorOperators.ASHR, 3).and(0x8fffe000).reinterpretAsFloats().mul(HalfGemv.HALF_SCALE)
          .intoMemorySegment(out, o + 64, LE);
    }
  }

  // A helper in a branch that was cold when its method was compiled is not inlined, and boxes: minima are loaded in place.
  private static void i4(MemorySegment w, long wOffset, int columns, boolean min, MemorySegment out, long outOffset) {
    FloatVector zero = FloatVector.zero(F);
    int weightBytes = PanelFormat.I4.weightBytes();
    int stride = min ? PanelFormat.I4_MIN.blockBytes() : PanelFormat.I4.blockBytes();
    long o = outOffset;
    for (int b = 0; b < columns / Panels.BLOCK; b++) {
      long block = wOffset + (long) b * stride;
      FloatVector dEven = floats(w, block + weightBytes);
      FloatVector dOdd = floats(w, block + weightBytes + 64);
      FloatVector mEven = min ? FloatVector.fromMemorySegment(F, w, block + weightBytes + 128, LE) : zero;
      FloatVector mOdd = min ? FloatVector.fromMemorySegment(F, w, block + weightBytes + 192, LE) : zero;
      // Nibbles count from -8.
      mEven = dEven.fma(FloatVector.broadcast(F, -8), mEven);
      mOdd = dOdd.fma(FloatVector.broadcast(F, -8), mOdd);
      for (int g = 0; g < 8; g++) {
        IntVector n = ShortVector.fromMemorySegment(S, w, block + g * 64L, LE).reinterpretAsInts();
        for (int j = 0; j < 4; j++) {
          toFloat(n.lanewise(VectorOperators.LSHR, 4 * j).and(15)).fma(dEven, mEven).intoMemorySegment(out, o, LE);
          toFloat(n.lanewise(VectorOperators.LSHR, 16 + 4 * j).and(15)).fma(dOdd, mOdd).intoMemorySegment(out, o + 64, LE);
          o += Panels.FLOAT_BYTES;
        }
      }
    }
  }

  private static void i8(MemorySegment w, long wOffset, int columns, int size, boolean min, MemorySegment out,
      long outOffset) {
    FloatVector zero = FloatVector.zero(F);
    int weightBytes = size * Panels.ROWS;
    long block = wOffset;
    long o = outOffset;
    for (int b = 0; b < columns / size; b++) {
      FloatVector dEven = floats(w, block + weightBytes);
      FloatVector dOdd = floats(w, block + weightBytes + 64);
      FloatVector mEven = min ? FloatVector.fromMemorySegment(F, w, block + weightBytes + 128, LE) : zero;
      FloatVector mOdd = min ? FloatVector.fromMemorySegment(F, w, block + weightBytes + 192, LE) : zero;
      for (int g = 0; g < size / 2; g++) {
        IntVector n = ShortVector.fromMemorySegment(S, w, block + g * 64L, LE).reinterpretAsInts();
        toFloat(byteOf(n, 24)).fma(dEven, mEven).intoMemorySegment(out, o, LE);
        toFloat(byteOf(n, 8)).fma(dOdd, mOdd).intoMemorySegment(out, o + 64, LE);
        toFloat(byteOf(n, 16)).fma(dEven, mEven).intoMemorySegment(out, o + 128, LE);
        toFloat(n.lanewise(VectorOperators.ASHR, 24)).fma(dOdd, mOdd).intoMemorySegment(out, o + 192, LE);
        o += 2 * Panels.FLOAT_BYTES;
      }
      block += weightBytes + (min ? 2 : 1) * Panels.FLOAT_BYTES;
    }
  }

  /** The signed byte of each int lane that a shift to the left by so many bits brings to the top. */
  private static IntVector byteOf(IntVector n, int shift) {
    return n.lanewise(VectorOperators.LSHL, shift).lanewise(VectorOperators.ASHR, 24);
  }

  private static FloatVector floats(MemorySegment w, long offset) {
    return FloatVector.fromMemorySegment(F, w, offset, LE);
  }

  private static FloatVector toFloat(IntVector v) {
    return (FloatVector) v.convert(VectorOperators.I2F, 0);
  }
}
