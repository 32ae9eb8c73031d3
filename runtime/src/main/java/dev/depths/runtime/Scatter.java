package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Combine;

/** Puts the rows of a tile back into the residual stream, as a model combines them. */
final class Scatter {
  private Scatter() {}

  /**
   * Scatters the rows that were chosen.
   *
   * @param y rows of the tile: the input of what was computed, plus its output
   * @param x rows of the pass: the input
   * @param width elements of a row
   */
  static void rows(float[] y, Choice choice, Combine join, float[] x, int width) {
    boolean hard = join.isHard();
    for (int i = 0; i < choice.rows.count(); i++) {
      int from = i * width;
      int to = choice.rows.row[i] * width;
      if (hard) {
        System.arraycopy(y, from, x, to, width);
        continue;
      }
      float gate = choice.gates[i];
      switch (join.form()) {
        case ADD -> interpolate(y, from, x, to, width, gate);
        case SCALE_BLOCK -> scale(y, from, x, to, width, gate);
        case ADD_BLOCK -> addScaled(y, from, x, to, width, gate);
        case GATE_MLP, ADD_GATED_MLP -> throw new IllegalStateException("halves of a block are joined one by one");
      }
    }
  }

  /** {@code x += gate · (y - x)}, y being x + f. */
  private static void interpolate(float[] y, int yOffset, float[] x, int xOffset, int n, float gate) {
    for (int i = 0; i < n; i++) {
      x[xOffset + i] = Math.fma(gate, y[yOffset + i] - x[xOffset + i], x[xOffset + i]);
    }
  }

  /** {@code x = gate · y}. */
  private static void scale(float[] y, int yOffset, float[] x, int xOffset, int n, float gate) {
    for (int i = 0; i < n; i++) {
      x[xOffset + i] = gate * y[yOffset + i];
    }
  }

  /** {@code x += gate · y}. */
  private static void addScaled(float[] y, int yOffset, float[] x, int xOffset, int n, float gate) {
    for (int i = 0; i < n; i++) {
      x[xOffset + i] = Math.fma(gate, y[yOffset + i], x[xOffset + i]);
    }
  }
}
