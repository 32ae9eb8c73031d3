package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;

/**
 * A few rows times f32 panels that come from memory, below 512 bits: with the bits of {@link F32Gemm}, in less time. Its
 * tiles read half of each row of a panel and then the other half, which no prefetching expects. Here panels come in threes,
 * far apart, since a core reads several streams faster than one, and a piece of each at a time is brought into the L1 cache
 * before the tiles pass over it.
 */
final class F32Streams {
  /** 8 KiB of each of three panels. */
  private static final int PIECE = 64;

  /** Rows of the register tile that does not wait for its own sums and leaves none over of 4, 8, 12 and 16. */
  private static final int TILE = 4;

  private F32Streams() {}

  /** As {@link Kernels#panelsGemv}. */
  static void multiply(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    int third = (to - from) / 3;
    for (int p = 0; p < third; p++) {
      three(w, from + p, third, x, row, rows, y, yOffset + p * Panels.ROWS, ldy);
    }
    for (int p = from + 3 * third; p < to; p++) {
      F32Gemm.multiply(w.data(), w.offset(p), x.columns, x.f32, row * x.stride, x.stride, rows, y,
          yOffset + (p - from) * Panels.ROWS, ldy, false);
    }
  }

  /** A panel and the two that are {@code apart} and twice {@code apart} after it. */
  private static void three(PackedMatrix w, int panel, int apart, Activations x, int row, int rows, float[] y, int yOffset,
      int ldy) {
    MemorySegment data = w.data();
    int columns = x.columns;
    for (int c = 0; c < columns; c += PIECE) {
      int n = Math.min(PIECE, columns - c);
      long piece = (long) c * Panels.FLOAT_BYTES;
      Touch.three(data, w.offset(panel) + piece, w.offset(panel + apart) + piece, w.offset(panel + 2 * apart) + piece,
          n * Panels.FLOAT_BYTES);
      for (int i = 0; i < 3; i++) {
        for (int r = 0; r < rows; r += TILE) {
          F32Gemm.multiply(data, w.offset(panel + i * apart) + piece, n, x.f32, (row + r) * x.stride + c, x.stride,
              Math.min(TILE, rows - r), y, yOffset + r * ldy + i * apart * Panels.ROWS, ldy, c > 0);
        }
      }
    }
  }
}
