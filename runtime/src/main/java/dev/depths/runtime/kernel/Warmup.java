package dev.depths.runtime.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Has the JIT compile the kernels before a model needs them. Until C2 has compiled it, Vector API code is some thousand
 * times slower than after, and a first pass over a model would spend seconds in it; on a few columns the same calls reach
 * the compiler's thresholds within milliseconds. Runs beside the loading of a model, and ends when every kernel has been
 * seen to be fast.
 */
public final class Warmup {
  private static final long LIMIT_NANOS = 5_000_000_000L;
  /** What reading the clock may take. */
  private static final long CLOCK_NANOS = 60;
  /** Calls per turn, few enough that kernels not compiled yet take turns. */
  private static final int CALLS = 8;
  /**
   * So few that a kernel reaches the threshold of calls before that of loop iterations: else C2 would compile its loop for
   * replacement on the stack first, and then everything once more.
   */
  private static final int COLUMNS = 32;
  private static final int ROWS = 12;

  private final List<Task> pending = new ArrayList<>();

  /** A kernel on little data: fast once a call takes at most {@code fastNanos}. */
  private record Task(Runnable call, long fastNanos) {
    boolean seenFast() {
      long best = Long.MAX_VALUE;
      for (int i = 0; i < CALLS; i++) {
        long start = System.nanoTime();
        call.run();
        best = Math.min(best, System.nanoTime() - start);
      }
      return best <= fastNanos;
    }
  }

  private Warmup(Kernels k, Set<PanelFormat> formats, Arena arena) {
    Activations x = new Activations(ROWS, COLUMNS, ROWS);
    float[] y = new float[ROWS * COLUMNS];
    float[] table = new float[COLUMNS];
    MemorySegment panel = arena.allocate(COLUMNS * 32L * Float.BYTES, 64);
    MemorySegment halves = arena.allocate(COLUMNS * 32L * Short.BYTES, 64);
    for (PanelFormat format : formats) {
      // A pair of panels and a single one, which may have kernels of their own.
      PackedMatrix w = Packer.allocate(format, 3 * 32, COLUMNS, arena);
      add(() -> k.panelsGemv(w, 0, 3, x, 0, 1, y, 0, 3 * 32), 3 * COLUMNS * 32, 0.5);
      if (format != PanelFormat.F32) {
        add(() -> k.unpack(w, 0, 0, COLUMNS, panel), COLUMNS * 32, 0.5);
      }
    }
    add(() -> k.quantize(x, 0, 0, COLUMNS, PanelFormat.I4.activationRange()), COLUMNS, 8);
    // Every height of the register tile, alone, so that none waits for the others.
    for (int rows : new int[] {1, 2, 4, 6, 8, 12}) {
      add(() -> k.panelF32(panel, 0, COLUMNS, x.f32, 0, x.stride, rows, y, 0, 32, false), COLUMNS * 32 * rows, 0.25);
    }
    for (int rows : new int[] {1, 2, 3, 4}) {
      add(() -> k.panelF16(panel, 0, COLUMNS, x.f32, 0, x.stride, rows, y, 0, 32, false), COLUMNS * 32 * rows, 0.25);
    }
    add(() -> k.unpackF16(halves, 0, COLUMNS, panel), COLUMNS * 32, 0.5);
    add(() -> k.rmsNorm(x.f32, 0, COLUMNS, table, 1e-5f, y, 0), COLUMNS, 4);
    add(() -> k.dot(x.f32, 0, table, 0, COLUMNS), COLUMNS, 4);
    add(() -> k.add(y, 0, x.f32, 0, COLUMNS), COLUMNS, 4);
    add(() -> k.rotate(y, 0, table, table, 0, COLUMNS / 2), COLUMNS, 4);
    add(() -> k.siluMultiply(y, 0, x.f32, 0, COLUMNS), COLUMNS, 8);
    add(() -> k.softmax(y, 0, COLUMNS, 1), COLUMNS, 8);
    add(() -> k.logSumExp(y, 0, COLUMNS), COLUMNS, 8);
  }

  private void add(Runnable call, int elements, double nanosPerElement) {
    pending.add(new Task(call, CLOCK_NANOS + (long) (elements * nanosPerElement)));
  }

  /**
   * Warms the kernels for matrices of these formats, on the calling thread.
   *
   * @return whether all were seen fast; false if it gave up after some seconds
   */
  public static boolean run(Kernels kernels, Set<PanelFormat> formats) {
    if (!(kernels instanceof VectorKernels)) {
      return true;
    }
    long end = System.nanoTime() + LIMIT_NANOS;
    try (Arena arena = Arena.ofShared()) {
      List<Task> pending = new Warmup(kernels, formats, arena).pending;
      while (!pending.isEmpty() && System.nanoTime() < end) {
        pending.removeIf(Task::seenFast);
      }
      return pending.isEmpty();
    }
  }
}
