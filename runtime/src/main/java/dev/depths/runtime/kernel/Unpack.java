package dev.depths.runtime.kernel;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/** Unpacks columns of a panel to the f32 form {@code [column][32]}, once for all rows of a tile. */
final class Unpack {
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(LE);

  /** Columns unpacked at a time, a whole number of blocks: 16 KiB of f32. */
  private static final int PIECE = 128;

  /**
   * They are unpacked into arrays and then copied. After a store into a segment C2 knows nothing of any segment's fields any
   * more, and loads and checks them all again for the next access, which took ten times as long as all the rest.
   */
  private static final ThreadLocal<float[]> PIECES = ThreadLocal.withInitial(() -> new float[PIECE * Panels.ROWS]);

  private Unpack() {}

  /** Unpacks {@code columns} columns, a whole number of blocks, from the start of a block. */
  static void unpack(MemorySegment w, long wOffset, PanelFormat format, int columns, MemorySegment out) {
    float[] piece = PIECES.get();
    Touch.one(w, wOffset, (int) format.panelBytes(columns));
    for (int c = 0; c < columns; c += PIECE) {
      int n = Math.min(PIECE, columns - c);
      long at = wOffset + format.panelBytes(c);
      switch (format) {
        case F32 -> throw new IllegalArgumentException("an f32 panel needs no unpacking");
        case F16 -> half(w, at, n, piece);
        case BF12 -> bf12(w, at, n, piece);
        default -> integers(w, at, format, n, piece);
      }
      MemorySegment.copy(piece, 0, out, FLOAT, (long) c * Panels.FLOAT_BYTES, n * Panels.ROWS);
    }
  }

  /** All rows of some columns, then of the next ones: written into the L1 cache. */
  private static void integers(MemorySegment w, long wOffset, PanelFormat format, int columns, float[] out) {
    for (int v = 0; v < 16; v += L) {
      if (format == PanelFormat.I8) {
        i8(w, wOffset + v * 4L, columns, out, v);
      } else {
        fields(w, wOffset + v * 4L, 0, format, columns, out, v);
        fields(w, wOffset + v * 4L, 1, format, columns, out, v + 16);
      }
    }
  }

  /**
   * As many rows as a vector has lanes: their codes are those of the panel's first half ({@code side} 0) or the second, their
   * scales and minima the low or the high halves of ints. One vector at a time, as C2 takes more than twice as long for two.
   */
  private static void fields(MemorySegment w, long wOffset, int side, PanelFormat format, int columns, float[] out,
      int outOffset) {
    switch (format) {
      case I5, I5_MIN -> i5(w, wOffset, side, columns, format.hasMin(), out, outOffset);
      case I6_16 -> i6(w, wOffset, side, columns, out, outOffset);
      default -> i4(w, wOffset, side, columns, format.block(), format.hasMin(), out, outOffset);
    }
  }

  /** The codes, lifted. */
  private static void bf12(MemorySegment w, long wOffset, int columns, float[] out) {
    for (int i = 0; i < columns; i += Bf12.COLUMNS) {
      long from = wOffset + (long) (i / Bf12.COLUMNS) * Bf12.BLOCK_BYTES;
      int to = i * Panels.ROWS;
      for (int v = 0; v < 16; v += L) {
        IntVector n = IntVector.fromMemorySegment(I, w, from + v * 4L, LE);
        n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().mul(Bf12.LIFT).intoArray(out, to + v);
        n.and(Bf12.CODE).reinterpretAsFloats().mul(Bf12.LIFT).intoArray(out, to + v + 16);
        IntVector fourth = n.lanewise(LSHR, 4).and(Bf12.FROM_FIRST);
        n = IntVector.fromMemorySegment(I, w, from + v * 4L + 64, LE);
        n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().mul(Bf12.LIFT).intoArray(out, to + v + 32);
        n.and(Bf12.CODE).reinterpretAsFloats().mul(Bf12.LIFT).intoArray(out, to + v + 48);
        fourth = n.lanewise(LSHR, 8).and(Bf12.FROM_SECOND).or(fourth);
        n = IntVector.fromMemorySegment(I, w, from + v * 4L + 128, LE);
        n.lanewise(LSHL, 16).and(Bf12.CODE).reinterpretAsFloats().mul(Bf12.LIFT).intoArray(out, to + v + 64);
        n.and(Bf12.CODE).reinterpretAsFloats().mul(Bf12.LIFT).intoArray(out, to + v + 80);
        fourth = n.lanewise(LSHL, 1).and(Bf12.SIGNS).or(fourth);
        fourth = n.lanewise(LSHR, 11).and(Bf12.FROM_THIRD).or(fourth);
        fourth.lanewise(LSHL, 16).reinterpretAsFloats().mul(Bf12.LIFT).intoArray(out, to + v + 96);
        fourth.and(Bf12.UPPER).reinterpretAsFloats().mul(Bf12.LIFT).intoArray(out, to + v + 112);
      }
    }
  }

  private static void half(MemorySegment w, long wOffset, int columns, float[] out) {
    for (int i = 0; i < columns; i++) {
      long from = wOffset + (long) i * Panels.LANE_BYTES;
      int to = i * Panels.ROWS;
      for (int v = 0; v < 16; v += L) {
        IntVector n = IntVector.fromMemorySegment(I, w, from + v * 4L, LE);
        Halves.low(n).mul(Halves.SCALE).intoArray(out, to + v);
        Halves.high(n).mul(Halves.SCALE).intoArray(out, to + v + 16);
      }
    }
  }

  // A branch that was cold when its method was compiled boxes what it makes: without minima the scales are loaded once more.
  private static void i4(MemorySegment w, long wOffset, int side, int columns, int size, boolean min, float[] out,
      int outOffset) {
    int weights = size * 16;
    int up = side == 0 ? Short.SIZE : 0;
    long codes = 64 * side;
    long block = wOffset;
    int o = outOffset;
    for (int b = 0; b < columns / size; b++) {
      long scales = block + weights;
      IntVector d = IntVector.fromMemorySegment(I, w, scales, LE);
      IntVector m = IntVector.fromMemorySegment(I, w, min ? scales + 64 : scales, LE);
      float mScale = min ? Halves.SCALE : -PanelFormat.I4.bias() * Halves.SCALE;
      FloatVector scale = d.lanewise(LSHL, up).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector least = m.lanewise(LSHL, up).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(mScale);
      long at = block;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, at + codes, LE);
        ((FloatVector) n.and(15).convert(I2F, 0)).fma(scale, least).intoArray(out, o);
        ((FloatVector) n.lanewise(LSHR, 16).and(15).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 32);
        ((FloatVector) n.lanewise(LSHR, 4).and(15).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 64);
        ((FloatVector) n.lanewise(LSHR, 20).and(15).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 96);
        ((FloatVector) n.lanewise(LSHR, 8).and(15).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 128);
        ((FloatVector) n.lanewise(LSHR, 24).and(15).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 160);
        ((FloatVector) n.lanewise(LSHR, 12).and(15).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 192);
        ((FloatVector) n.lanewise(LSHR, 28).and(15).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 224);
        o += 8 * Panels.ROWS;
        at += Panels.FLOAT_BYTES;
      } while (at != scales);
      block = scales + (min ? 128 : 64);
    }
  }

  /** Three columns to a half of a lane; the bits above them make two columns of all five lanes. */
  private static void i5(MemorySegment w, long wOffset, int side, int columns, boolean min, float[] out, int outOffset) {
    int weights = PanelFormat.I5.weightBytes();
    int up = side == 0 ? Short.SIZE : 0;
    long codes = 64 * side;
    long block = wOffset;
    int o = outOffset;
    for (int b = 0; b < columns / 32; b++) {
      long scales = block + weights;
      IntVector d = IntVector.fromMemorySegment(I, w, scales, LE);
      IntVector m = IntVector.fromMemorySegment(I, w, min ? scales + 64 : scales, LE);
      float mScale = min ? Halves.SCALE : -PanelFormat.I5.bias() * Halves.SCALE;
      FloatVector scale = d.lanewise(LSHL, up).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector least = m.lanewise(LSHL, up).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(mScale);
      IntVector rest = IntVector.zero(I);
      long at = block;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, at + codes, LE);
        ((FloatVector) n.and(31).convert(I2F, 0)).fma(scale, least).intoArray(out, o);
        ((FloatVector) n.lanewise(LSHR, 16).and(31).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 32);
        ((FloatVector) n.lanewise(LSHR, 5).and(31).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 64);
        ((FloatVector) n.lanewise(LSHR, 21).and(31).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 96);
        ((FloatVector) n.lanewise(LSHR, 10).and(31).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 128);
        ((FloatVector) n.lanewise(LSHR, 26).and(31).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 160);
        o += 6 * Panels.ROWS;
        // Bit 15 of either half: in the end, the last lane's is on top.
        rest = rest.lanewise(LSHR, 1).or(n.and(0x80008000));
        at += Panels.FLOAT_BYTES;
      } while (at != scales);
      ((FloatVector) rest.lanewise(LSHR, 11).and(31).convert(I2F, 0)).fma(scale, least).intoArray(out, o);
      ((FloatVector) rest.lanewise(LSHR, 27).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 32);
      o += 2 * Panels.ROWS;
      block = scales + (min ? 128 : 64);
    }
  }

  /** Two columns to a half of a lane; the two pairs of bits above them make four columns of all three lanes. */
  private static void i6(MemorySegment w, long wOffset, int side, int columns, float[] out, int outOffset) {
    int weights = PanelFormat.I6_16.weightBytes();
    int up = side == 0 ? Short.SIZE : 0;
    long codes = 64 * side;
    long block = wOffset;
    int o = outOffset;
    for (int b = 0; b < columns / 16; b++) {
      long scales = block + weights;
      IntVector d = IntVector.fromMemorySegment(I, w, scales, LE);
      FloatVector scale = d.lanewise(LSHL, up).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector least = scale.mul(-PanelFormat.I6_16.bias());
      IntVector first = IntVector.zero(I);
      IntVector second = first;
      long at = block;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, at + codes, LE);
        ((FloatVector) n.and(63).convert(I2F, 0)).fma(scale, least).intoArray(out, o);
        ((FloatVector) n.lanewise(LSHR, 16).and(63).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 32);
        ((FloatVector) n.lanewise(LSHR, 6).and(63).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 64);
        ((FloatVector) n.lanewise(LSHR, 22).and(63).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 96);
        o += 4 * Panels.ROWS;
        // Bits 12-13 and 14-15 of either half: in the end, the last lane's are on top.
        first = first.lanewise(LSHR, 2).or(n.and(0x30003000));
        second = second.lanewise(LSHR, 2).or(n.and(0xc000c000));
        at += Panels.FLOAT_BYTES;
      } while (at != scales);
      ((FloatVector) first.lanewise(LSHR, 8).and(63).convert(I2F, 0)).fma(scale, least).intoArray(out, o);
      ((FloatVector) first.lanewise(LSHR, 24).and(63).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 32);
      ((FloatVector) second.lanewise(LSHR, 10).and(63).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 64);
      ((FloatVector) second.lanewise(LSHR, 26).convert(I2F, 0)).fma(scale, least).intoArray(out, o + 96);
      o += 4 * Panels.ROWS;
      block = scales + 64;
    }
  }

  private static void i8(MemorySegment w, long wOffset, int columns, float[] out, int outOffset) {
    int weights = PanelFormat.I8.weightBytes();
    long block = wOffset;
    int o = outOffset;
    for (int b = 0; b < columns / 32; b++) {
      IntVector d = IntVector.fromMemorySegment(I, w, block + weights, LE);
      FloatVector dEven = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector dOdd = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector mEven = dEven.mul(-PanelFormat.I8.bias());
      FloatVector mOdd = dOdd.mul(-PanelFormat.I8.bias());
      long at = block;
      do {
        IntVector n = IntVector.fromMemorySegment(I, w, at, LE);
        ((FloatVector) n.and(255).convert(I2F, 0)).fma(dEven, mEven).intoArray(out, o);
        ((FloatVector) n.lanewise(LSHR, 16).and(255).convert(I2F, 0)).fma(dOdd, mOdd).intoArray(out, o + 16);
        ((FloatVector) n.lanewise(LSHR, 8).and(255).convert(I2F, 0)).fma(dEven, mEven).intoArray(out, o + 32);
        ((FloatVector) n.lanewise(LSHR, 24).convert(I2F, 0)).fma(dOdd, mOdd).intoArray(out, o + 48);
        o += 2 * Panels.ROWS;
        at += Panels.LANE_BYTES;
      } while (at != block + weights);
      block += weights + 64;
    }
  }
}
