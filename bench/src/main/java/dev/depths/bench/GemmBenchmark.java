package dev.depths.bench;

import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** The packed f32 product of one panel, as a tile of so many rows runs it after unpacking: from the L2 cache. */
public class GemmBenchmark extends KernelBenchmark {
  @Param({"1", "2", "3", "4", "6", "8", "12", "16", "24", "32", "64", "128"})
  int rows;

  @Param("576")
  int columns;

  private MemorySegment panel;
  private float[] x;
  private float[] y;

  @Override
  void fill() {
    panel = nativeFloats(columns * RandomPanels.ROWS);
    x = floats(rows * columns);
    y = new float[rows * RandomPanels.ROWS];
  }

  @Benchmark
  public float[] panelF32(Work.Flops work) {
    kernels.panelF32(panel, 0, columns, x, 0, columns, rows, y, 0, RandomPanels.ROWS, false);
    work.add(2.0 * rows * columns * RandomPanels.ROWS);
    return y;
  }
}
