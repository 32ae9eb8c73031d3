package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PackedMatrix;
import java.lang.foreign.Arena;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A pass over a matrix too large for any cache: weights stream from memory. With {@code -t 2} each thread has a matrix
 * of its own.
 */
@State(Scope.Thread)
public abstract class StreamingBenchmark extends Defaults {
  @Param("256")
  int mebibytes;

  Kernels kernels;
  Arena arena;
  PackedMatrix matrix;

  @Setup
  public void open() {
    kernels = Kernels.select();
    arena = Arena.ofShared();
    long panelBytes;
    try (Arena scratch = Arena.ofConfined()) {
      panelBytes = RandomPanels.matrix(weights(), 1, scratch).bytes();
    }
    matrix = RandomPanels.matrix(weights(), Math.toIntExact(mebibytes * (1L << 20) / panelBytes), arena);
    fill();
  }

  @TearDown
  public void close() {
    arena.close();
  }

  abstract DType weights();

  /** Makes the other operands; JMH promises no order among setup methods of its own. */
  abstract void fill();

  final void count(Work.Weights weightsDone, Work.Bytes bytesRead) {
    weightsDone.add((double) matrix.rows() * matrix.columns());
    bytesRead.add(matrix.bytes());
  }
}
