package dev.depths.runtime.kernel;

import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Int8 panels times integer activations. Two products of one row are summed in a short lane, which cannot overflow since
 * the activations keep to the format's {@link ActivationRange} (128 · 255 = 32640), and widened to int.
 */
final class I8Gemv {
  private static final VectorSpecies<Short> S = Simd.SHORTS;
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final VectorSpecies<Integer> I = Simd.INTS;
  private static final int L = Simd.LANES;
  private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;

  private static final int WEIGHTS = PanelFormat.I8.weightBytes();

  private I8Gemv() {}

  static void multiply(MemorySegment w, long wOffset, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < 16; v += L) {
        one(w, wOffset + v * 4L, x, (row + r) * x.stride, y, yOffset + r * ldy + v);
      }
    }
  }

  private static void one(MemorySegment w, long wOffset, Activations x, int xOffset, float[] y, int yOffset) {
    short[] q = x.q;
    float[] scales = x.scales;
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    long o = wOffset;
    for (int k = xOffset; k < xOffset + x.columns; k += Panels.BLOCK) {
      IntVector accEven = IntVector.zero(I);
      IntVector accOdd = accEven;
      for (int g = 0; g < 16; g++) {
        ShortVector n = ShortVector.fromMemorySegment(S, w, o + g * 64L, LE);
        ShortVector p0 = n.lanewise(LSHL, 8).lanewise(ASHR, 8).mul(q[k + 2 * g]);
        ShortVector p1 = n.lanewise(ASHR, 8).mul(q[k + 2 * g + 1]);
        IntVector p = p0.add(p1).reinterpretAsInts();
        accEven = accEven.add(p.lanewise(LSHL, 16).lanewise(ASHR, 16));
        accOdd = accOdd.add(p.lanewise(ASHR, 16));
      }
      float scale = scales[k / 32];
      IntVector d = IntVector.fromMemorySegment(I, w, o + WEIGHTS, LE);
      FloatVector dEven = d.lanewise(LSHL, 16).lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      FloatVector dOdd = d.lanewise(ASHR, 3).and(Halves.BITS).reinterpretAsFloats().mul(Halves.SCALE);
      even = ((FloatVector) accEven.convert(I2F, 0)).fma(dEven.mul(scale), even);
      odd = ((FloatVector) accOdd.convert(I2F, 0)).fma(dOdd.mul(scale), odd);
      o += WEIGHTS + 64;
    }
    even.intoArray(y, yOffset);
    odd.intoArray(y, yOffset + 16);
  }
}
