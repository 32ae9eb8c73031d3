package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.runtime.kernel.Activations;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** A decode's product, by the weights' type. */
public class StreamingGemvBenchmark extends StreamingBenchmark {
  @Param({"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "Q3_K", "Q2_K"})
  DType weights;

  private Activations x;
  private float[] y;

  @Override
  DType weights() {
    return weights;
  }

  @Override
  void fill() {
    x = RandomPanels.activations(kernels, 1, matrix);
    y = new float[matrix.rows()];
  }

  @Benchmark
  public float[] panelGemv(Work.Weights weightsDone, Work.Flops flops, Work.Bytes bytesRead) {
    kernels.panelsGemv(matrix, 0, matrix.panels(), x, 0, 1, y, 0, y.length);
    count(weightsDone, bytesRead);
    flops.add(2.0 * matrix.rows() * matrix.columns());
    return y;
  }
}
