package dev.depths.bench;

import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/**
 * Attention of rows of queries over one key/value head's cache, by the calls that a forward pass makes: a product with
 * each page of keys, a softmax for each row, a product with each page of values. 3 rows are the query heads of one
 * decoded token (SmolLM2-135M), 24 a group of a prefill's.
 */
public class AttentionBenchmark extends KernelBenchmark {
  private static final int PAGE = 32;
  private static final int HEAD_DIM = 64;

  @Param({"3", "24"})
  int rows;

  /** Positions held; a whole number of pages. */
  @Param({"512", "2048"})
  int positions;

  private MemorySegment keys;
  private MemorySegment values;
  private float[] queries;
  private float[] scores;
  private float[] sums;

  @Override
  void fill() {
    keys = nativeFloats(positions * HEAD_DIM);
    values = nativeFloats(positions * HEAD_DIM);
    queries = floats(rows * HEAD_DIM);
    scores = new float[rows * positions];
    sums = new float[rows * HEAD_DIM];
  }

  @Benchmark
  public float[] attend(Work.Flops work) {
    int pages = positions / PAGE;
    long pageBytes = 4L * PAGE * HEAD_DIM;
    for (int p = 0; p < pages; p++) {
      kernels.panelF32(keys, p * pageBytes, HEAD_DIM, queries, 0, HEAD_DIM, rows, scores, p * PAGE, positions, false);
    }
    for (int r = 0; r < rows; r++) {
      kernels.softmax(scores, r * positions, positions, 0.125f);
    }
    for (int d = 0; d < HEAD_DIM; d += RandomPanels.ROWS) {
      for (int p = 0; p < pages; p++) {
        long panel = p * pageBytes + 4L * d * PAGE;
        kernels.panelF32(values, panel, PAGE, scores, p * PAGE, positions, rows, sums, d, HEAD_DIM, p > 0);
      }
    }
    work.add(4.0 * rows * positions * HEAD_DIM);
    return sums;
  }
}
