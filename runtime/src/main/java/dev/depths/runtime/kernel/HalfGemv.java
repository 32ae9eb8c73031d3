package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Panels of 16-bit floats times f32 activations. An int lane holds rows r (low half) and r + 16 (high half) of a column;
 * each half is moved to the top of a lane of its own and read as a float. A bfloat16 is then the value itself, an IEEE half
 * is scaled by way of the activation, see {@link Halves}.
 */
final class HalfGemv {
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
  private static final int HIGH_BITS = 0xffff0000;

  private HalfGemv() {}

  static void multiply(MemorySegment w, long wOffset, PanelFormat format, Activations x, int row, int rows, float[] y,
      int yOffset, int ldy) {
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < 16; v += L) {
        if (format == PanelFormat.BF16) {
          bfloat16(w, wOffset + v * 4L, x.columns, x.f32, (row + r) * x.stride, y, yOffset + r * ldy + v);
        } else {
          half(w, wOffset + v * 4L, x.columns, x.f32, (row + r) * x.stride, y, yOffset + r * ldy + v);
        }
      }
    }
  }

  private static void bfloat16(MemorySegment w, long wOffset, int columns, float[] x, int xOffset, float[] y, int yOffset) {
    FloatVector low = FloatVector.zero(F);
    FloatVector high = low;
    for (int i = 0; i < columns; i++) {
      IntVector n = IntVector.fromMemorySegment(I, w, wOffset + (long) i * Panels.LANE_BYTES, LE);
      FloatVector xi = FloatVector.broadcast(F, x[xOffset + i]);
      low = n.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(xi, low);
      high = n.and(HIGH_BITS).reinterpretAsFloats().fma(xi, high);
    }
    low.intoArray(y, yOffset);
    high.intoArray(y, yOffset + 16);
  }

  private static void half(MemorySegment w, long wOffset, int columns, float[] x, int xOffset, float[] y, int yOffset) {
    FloatVector low = FloatVector.zero(F);
    FloatVector high = low;
    for (int i = 0; i < columns; i++) {
      IntVector n = IntVector.fromMemorySegment(I, w, wOffset + (long) i * Panels.LANE_BYTES, LE);
      FloatVector xi = FloatVector.broadcast(F, x[xOffset + i] * Halves.SCALE);
      low = Halves.low(n).fma(xi, low);
      high = Halves.high(n).fma(xi, high);
    }
    low.intoArray(y, yOffset);
    high.intoArray(y, yOffset + 16);
  }
}
