package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;

/** What remains to be done after products with the codes of {@link Bf12}: their scales, and the products with outliers. */
final class Bf12Rest {
  private static final ThreadLocal<Bf12Rest> OF_THREAD = ThreadLocal.withInitial(Bf12Rest::new);

  private final float[] scales = new float[Panels.ROWS];
  private final MemorySegment scalesSegment = MemorySegment.ofArray(scales);
  /** The number of a panel's outliers and they themselves. */
  private int[] outliers = new int[0];
  private MemorySegment outliersSegment = MemorySegment.ofArray(outliers);

  private Bf12Rest() {}

  /** Of products of rows of {@code x} with a panel; the first is at {@code yOffset} of {@code y}, others {@code ldy} apart. */
  static void finish(PackedMatrix w, int panel, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    OF_THREAD.get().finishPanel(w, panel, x, row, rows, y, yOffset, ldy);
  }

  private void finishPanel(PackedMatrix w, int panel, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    MemorySegment.copy(w.data(), Bf12.scales(w, panel), scalesSegment, 0, Panels.FLOAT_BYTES);
    for (int c = 0; c < Panels.ROWS; c++) {
      scales[c] *= Bf12.LOWER;
    }
    for (int r = 0; r < rows; r++) {
      scale(scales, y, yOffset + r * ldy);
    }
    int ints = Bf12.outlierInts(w.columns());
    if (outliers.length < ints) {
      outliers = new int[ints];
      outliersSegment = MemorySegment.ofArray(outliers);
    }
    MemorySegment.copy(w.data(), Bf12.outliers(w, panel), outliersSegment, 0, (long) ints * Integer.BYTES);
    if (outliers[0] > 0) {
      addOutliers(outliers, x, row, rows, y, yOffset, ldy);
    }
  }

  private static void scale(float[] scales, float[] y, int to) {
    for (int c = 0; c < Panels.ROWS; c++) {
      y[to + c] *= scales[c];
    }
  }

  /** @param outliers the number of them and they themselves */
  static void addOutliers(int[] outliers, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    int end = 1 + Bf12.OUTLIER * outliers[0];
    for (int r = 0; r < rows; r++) {
      int from = (row + r) * x.stride;
      int to = yOffset + r * ldy;
      for (int i = 1; i < end; i += Bf12.OUTLIER) {
        int at = to + outliers[i] % Panels.ROWS;
        y[at] = Math.fma(Float.intBitsToFloat(outliers[i + 1]), x.f32[from + outliers[i] / Panels.ROWS], y[at]);
      }
    }
  }
}
