package dev.depths.bench;

import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/**
 * Attention of rows of queries over one key/value head's cache, by the calls that a forward pass makes: a product with
 * each page of keys, a softmax for each row, a product with each page of values. Half floats are unpacked for many rows.
 * 3 rows are the query heads of one decoded token (SmolLM2-135M), 24 those of one head for a group of a prefill's tokens.
 */
public class AttentionBenchmark extends KernelBenchmark {
  private static final int PAGE = 32;
  private static final int HEAD_DIM = 64;

  /** How keys and values are held: F16 in the fast mode, F32 in the exact one. */
  @Param({"F16", "F32"})
  PanelFormat format;

  @Param({"3", "24"})
  int rows;

  /** Positions held; a whole number of pages. */
  @Param({"512", "2048"})
  int positions;

  private MemorySegment keys;
  private MemorySegment values;
  private MemorySegment unpacked;
  private float[] queries;
  private float[] scores;
  private float[] sums;

  @Override
  void fill() {
    keys = panels();
    values = panels();
    unpacked = arena.allocate(4L * PAGE * HEAD_DIM, 64);
    queries = floats(rows * HEAD_DIM);
    scores = new float[rows * positions];
    sums = new float[rows * HEAD_DIM];
  }

  private MemorySegment panels() {
    int n = positions * HEAD_DIM;
    if (format == PanelFormat.F32) {
      return nativeFloats(n);
    }
    MemorySegment halves = arena.allocate(2L * n, 64);
    float[] x = floats(n);
    for (int i = 0; i < n; i++) {
      halves.setAtIndex(ValueLayout.JAVA_SHORT, i, Float.floatToFloat16(x[i]));
    }
    return halves;
  }

  @Benchmark
  public float[] attend(Work.Flops work) {
    int pages = positions / PAGE;
    long pageBytes = format.panelBytes(HEAD_DIM);
    for (int p = 0; p < pages; p++) {
      panel(keys, p * pageBytes, HEAD_DIM, queries, 0, HEAD_DIM, scores, p * PAGE, positions, false);
    }
    for (int r = 0; r < rows; r++) {
      kernels.softmax(scores, r * positions, positions, 0.125f);
    }
    for (int d = 0; d < HEAD_DIM; d += RandomPanels.ROWS) {
      for (int p = 0; p < pages; p++) {
        long panel = p * pageBytes + format.panelBytes(d);
        panel(values, panel, PAGE, scores, p * PAGE, positions, sums, d, HEAD_DIM, p > 0);
      }
    }
    work.add(4.0 * rows * positions * HEAD_DIM);
    return sums;
  }

  private void panel(MemorySegment w, long offset, int k, float[] x, int xOffset, int ldx, float[] y, int yOffset, int ldy,
      boolean accumulate) {
    if (format == PanelFormat.F32) {
      kernels.panelF32(w, offset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
    } else if (rows <= 8) {
      kernels.panelF16(w, offset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
    } else {
      kernels.unpackF16(w, offset, k, unpacked);
      kernels.panelF32(unpacked, 0, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
    }
  }
}
