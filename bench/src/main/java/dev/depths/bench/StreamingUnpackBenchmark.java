package dev.depths.bench;

import dev.depths.loader.DType;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Unpacking, which a prefill does for each panel, by the weights' type. */
public class StreamingUnpackBenchmark extends StreamingBenchmark {
  @Param({"F16", "BF16", "Q8_0", "Q6_K", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "Q3_K", "Q2_K"})
  DType weights;

  private MemorySegment unpacked;

  @Override
  DType weights() {
    return weights;
  }

  @Override
  void fill() {
    unpacked = arena.allocate(4L * RandomPanels.COLUMNS * RandomPanels.ROWS, 64);
  }

  @Benchmark
  public MemorySegment unpack(Work.Weights weightsDone, Work.Bytes bytesRead) {
    for (int p = 0; p < matrix.panels(); p++) {
      kernels.unpack(matrix, p, 0, RandomPanels.COLUMNS, unpacked);
    }
    count(weightsDone, bytesRead);
    return unpacked;
  }
}
