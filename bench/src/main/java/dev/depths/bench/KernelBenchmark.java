package dev.depths.bench;

import dev.depths.runtime.kernel.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A kernel alone, on vectors and as the plain loops of the reference. */
@State(Scope.Thread)
public abstract class KernelBenchmark extends Defaults {
  private final SplittableRandom random = new SplittableRandom(1);

  @Param({"vector", "scalar"})
  String implementation;

  Kernels kernels;
  Arena arena;

  @Setup
  public void open() {
    System.setProperty("depths.kernels", implementation);
    kernels = Kernels.select();
    arena = Arena.ofShared();
    fill();
  }

  /** Makes the operands; JMH promises no order among setup methods of its own. */
  abstract void fill();

  @TearDown
  public void close() {
    arena.close();
  }

  /** Random values in [-1, 1). */
  float[] floats(int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) (2 * random.nextDouble() - 1);
    }
    return x;
  }

  /** The same in native memory, where weights and the KV cache are. */
  MemorySegment nativeFloats(int n) {
    MemorySegment segment = arena.allocate(4L * n, 64);
    MemorySegment.copy(floats(n), 0, segment, ValueLayout.JAVA_FLOAT, 0, n);
    return segment;
  }
}
