package dev.depths.bench;

import dev.depths.runtime.kernel.Activations;
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
  private Activations x;
  private float[] y;

  @Override
  void fill() {
    panel = nativeFloats(columns * RandomPanels.ROWS);
    x = new Activations(rows, columns, 1);
    System.arraycopy(floats(x.f32().length), 0, x.f32(), 0, x.f32().length);
    if (kernels.interleaves()) {
      int whole = rows / Activations.GROUP * Activations.GROUP;
      x.setInterleaved(true);
      kernels.interleave(x.f32(), 0, x.stride(), x.stride(), x, 0, 0, whole);
    }
    y = new float[rows * RandomPanels.ROWS];
  }

  @Benchmark
  public float[] panelF32(Work.Flops work) {
    kernels.panelF32(panel, 0, x, 0, columns, 0, rows, y, 0, RandomPanels.ROWS, false);
    work.add(2.0 * rows * columns * RandomPanels.ROWS);
    return y;
  }
}
