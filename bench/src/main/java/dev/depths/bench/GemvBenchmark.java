package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.PackedMatrix;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** A decode's product of one panel that stays in the cache, by the weights' type: one type for each panel format. */
public class GemvBenchmark extends KernelBenchmark {
  @Param({"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "Q3_K", "Q2_K"})
  DType weights;

  @Param({"1", "2"})
  int rows;

  private PackedMatrix panel;
  private Activations x;
  private float[] y;

  @Override
  void fill() {
    panel = RandomPanels.matrix(weights, 1, arena);
    x = RandomPanels.activations(kernels, rows, panel);
    y = new float[rows * RandomPanels.ROWS];
  }

  @Benchmark
  public float[] panelGemv(Work.Weights weightsDone, Work.Flops flops) {
    kernels.panelsGemv(panel, 0, 1, x, 0, rows, y, 0, RandomPanels.ROWS);
    double products = (double) rows * RandomPanels.COLUMNS * RandomPanels.ROWS;
    weightsDone.add(products);
    flops.add(2 * products);
    return y;
  }
}
