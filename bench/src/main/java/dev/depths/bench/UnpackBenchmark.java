package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.runtime.kernel.PackedMatrix;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Unpacking one panel to f32 within the cache, which a prefill does once for all rows of a tile. */
public class UnpackBenchmark extends KernelBenchmark {
  @Param({"F16", "BF16", "Q8_0", "Q6_K", "Q5_0", "Q5_1", "Q4_0", "Q4_1", "Q3_K", "Q2_K"})
  DType weights;

  private PackedMatrix panel;
  private MemorySegment unpacked;

  @Override
  void fill() {
    panel = RandomPanels.matrix(weights, 1, arena);
    unpacked = arena.allocate(4L * RandomPanels.COLUMNS * RandomPanels.ROWS, 64);
  }

  @Benchmark
  public MemorySegment unpack(Work.Weights work) {
    kernels.unpack(panel, 0, 0, RandomPanels.COLUMNS, unpacked);
    work.add((double) RandomPanels.COLUMNS * RandomPanels.ROWS);
    return unpacked;
  }
}
