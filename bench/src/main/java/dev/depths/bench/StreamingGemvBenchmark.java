package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PackedMatrix;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A decode's product of a matrix too large for any cache, by the weights' type: what streams from memory. With
 * {@code -t 2} each thread has a matrix of its own.
 */
@State(Scope.Thread)
public class StreamingGemvBenchmark extends Defaults {
  @Param({"F32", "F16", "BF16", "Q8_0", "Q5_1", "Q6_K", "Q2_K", "Q4_0", "Q4_1"})
  DType weights;

  @Param("256")
  int mebibytes;

  private Kernels kernels;
  private Arena arena;
  private PackedMatrix matrix;
  private Activations x;
  private float[] y;

  @Setup
  public void fill() {
    kernels = Kernels.select();
    arena = Arena.ofShared();
    long panelBytes;
    try (Arena scratch = Arena.ofConfined()) {
      panelBytes = RandomPanels.matrix(weights, 1, scratch).bytes();
    }
    matrix = RandomPanels.matrix(weights, Math.toIntExact(mebibytes * (1L << 20) / panelBytes), arena);
    x = RandomPanels.activations(kernels, 1, matrix);
    y = new float[RandomPanels.ROWS];
  }

  @TearDown
  public void close() {
    arena.close();
  }

  @Benchmark
  public float[] matrixGemv(Work.Weights weightsDone, Work.Bytes bytesRead) {
    for (int p = 0; p < matrix.panels(); p++) {
      kernels.panelGemv(matrix, p, x, 0, 1, y, 0, RandomPanels.ROWS);
    }
    weightsDone.add((double) matrix.rows() * matrix.columns());
    bytesRead.add(matrix.bytes());
    return y;
  }
}
