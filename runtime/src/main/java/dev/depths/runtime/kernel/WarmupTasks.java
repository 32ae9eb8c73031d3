package dev.depths.runtime.kernel;

import dev.depths.runtime.kernel.StagedKernels.Group;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Kernels on little data, called until each has been seen to be fast. */
final class WarmupTasks {
  /** What reading the clock may take. */
  private static final long CLOCK_NANOS = 60;
  /** Calls per turn, few enough that kernels not compiled yet take turns. */
  private static final int CALLS = 16;
  /**
   * So few columns that a vector kernel reaches the threshold of calls before that of loop iterations: else C2 would compile
   * its loop for replacement on the stack first, and then everything once more.
   */
  private static final int VECTOR_COLUMNS = 32;
  /** Of panels of floats, which have no blocks. */
  private static final int FLOAT_COLUMNS = 16;
  private static final int VECTOR_ROWS = Activations.GROUP;
  private static final int LOOP_COLUMNS = 64;
  private static final int LOOP_ROWS = 4;
  private static final long VECTORS_LIMIT_NANOS = 10_000_000_000L;
  private static final long LOOPS_LIMIT_NANOS = 300_000_000L;
  /**
   * Turns that bring a kernel to the compiler's thresholds. After them it is C2's turn, and calls would only take its time
   * and fill the heap with vectors.
   */
  private static final int BUSY_TURNS = 600;
  private static final long PAUSE_MILLIS = 5;

  private final Kernels k;
  private final Activations x;
  private final float[] y;
  private final MemorySegment panel;
  private final MemorySegment halves;
  private final List<Task> pending = new ArrayList<>();
  private int turns;
  private long nanosLeft;

  /** A kernel: fast once a call takes at most {@code fastNanos}. */
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

  private WarmupTasks(Kernels kernels, int rows, int columns, long limitNanos, Arena arena) {
    k = kernels;
    nanosLeft = limitNanos;
    x = new Activations(rows, columns, rows);
    y = new float[rows * columns];
    panel = arena.allocate(columns * 32L * Float.BYTES, 64);
    halves = arena.allocate(columns * 32L * Short.BYTES, 64);
  }

  /** Vector kernels of a group, for matrices of these formats. */
  static WarmupTasks ofVectors(Kernels vectors, Group group, Set<PanelFormat> formats, Arena arena) {
    WarmupTasks tasks = new WarmupTasks(vectors, VECTOR_ROWS, VECTOR_COLUMNS, VECTORS_LIMIT_NANOS, arena);
    switch (group) {
      case GEMV -> tasks.addGemv(formats, 1, arena);
      case ROWS -> {
        for (int rows : new int[] {2, 3, 4, 8}) {
          tasks.addGemv(formats, rows, arena);
        }
      }
      case HALVES -> {
        for (int rows : new int[] {1, 2, 3, 4}) {
          tasks.addPanelF16(rows, 0.5);
        }
        tasks.add(() -> tasks.k.touch(tasks.halves, 0, VECTOR_COLUMNS * Panels.LANE_BYTES), VECTOR_COLUMNS * 32, 0.5);
      }
      case ELEMENTWISE -> tasks.addElementwise(8);
      case GEMM -> {
        // Every height of the register tile, alone, so that none waits for the others.
        for (int rows : new int[] {1, 2, 4, 6, 8}) {
          tasks.addPanelF32(rows, 0.5);
        }
        if (vectors.interleaves()) {
          tasks.addInterleaved(0.5);
        }
      }
      case UNPACK -> {
        for (PanelFormat format : formats) {
          if (format != PanelFormat.F32) {
            PackedMatrix w = Packer.allocate(format, 32, VECTOR_COLUMNS, arena);
            tasks.add(() -> tasks.k.unpack(w, 0, 0, VECTOR_COLUMNS, tasks.panel), VECTOR_COLUMNS * 32, 0.5);
          }
        }
        tasks.addUnpackF16(0.5);
      }
    }
    return tasks;
  }

  /** Every {@code parts}-th task alone, from the {@code part}-th on. */
  WarmupTasks part(int part, int parts) {
    List<Task> all = List.copyOf(pending);
    pending.clear();
    for (int i = part; i < all.size(); i += parts) {
      pending.add(all.get(i));
    }
    return this;
  }

  /** All rows' results go to one place. */
  private void addGemv(Set<PanelFormat> formats, int rows, Arena arena) {
    for (PanelFormat format : formats) {
      // Of floats three and a single one, which have kernels of their own; of integers a pair.
      int panels = format.isInteger() ? 2 : 4;
      PackedMatrix w = Packer.allocate(format, panels * 32, VECTOR_COLUMNS, arena);
      add(() -> k.panelsGemv(w, 0, panels, x, 0, rows, y, 0, 0), panels * rows * VECTOR_COLUMNS * 32, 0.5);
    }
  }

  /** Plain loops; formats share most of them. */
  static WarmupTasks ofLoops(Arena arena) {
    WarmupTasks tasks = new WarmupTasks(new LoopKernels(), LOOP_ROWS, LOOP_COLUMNS, LOOPS_LIMIT_NANOS, arena);
    for (PanelFormat format : EnumSet.of(PanelFormat.I4_MIN, PanelFormat.I8)) {
      PackedMatrix w = Packer.allocate(format, 32, LOOP_COLUMNS, arena);
      tasks.add(() -> tasks.k.unpack(w, 0, 0, LOOP_COLUMNS, tasks.panel), LOOP_COLUMNS * 32, 4);
      tasks.add(() -> tasks.k.panelsGemv(w, 0, 1, tasks.x, 0, 1, tasks.y, 0, 32), LOOP_COLUMNS * 32, 4);
    }
    tasks.addPanelF32(LOOP_ROWS, 4);
    tasks.addPanelF16(LOOP_ROWS, 4);
    tasks.addUnpackF16(2);
    tasks.addElementwise(20);
    return tasks;
  }

  // Products are called with and without a sum to add to: what C2 has never seen, it leaves out, and compiles again later.

  private void addPanelF32(int rows, double nanosPerElement) {
    add(() -> {
      k.panelF32(panel, 0, FLOAT_COLUMNS, x.f32, 0, x.stride, rows, y, 0, 32, false);
      k.panelF32(panel, 0, FLOAT_COLUMNS, x.f32, 0, x.stride, rows, y, 0, 32, true);
    }, FLOAT_COLUMNS * 32 * rows, nanosPerElement);
  }

  private void addInterleaved(double nanosPerElement) {
    x.setInterleaved(true);
    add(() -> {
      k.interleave(x.f32, 0, x.stride, x.stride, x, 0, 0, Activations.GROUP);
      k.panelF32(panel, 0, x, 0, FLOAT_COLUMNS, 0, Activations.GROUP, y, 0, 32, false);
      k.panelF32(panel, 0, x, 0, FLOAT_COLUMNS, 0, Activations.GROUP, y, 0, 32, true);
    }, FLOAT_COLUMNS * 32 * Activations.GROUP, nanosPerElement);
  }

  private void addPanelF16(int rows, double nanosPerElement) {
    add(() -> {
      k.panelF16(halves, 0, FLOAT_COLUMNS, x.f32, 0, x.stride, rows, y, 0, 32, false);
      k.panelF16(halves, 0, FLOAT_COLUMNS, x.f32, 0, x.stride, rows, y, 0, 32, true);
    }, FLOAT_COLUMNS * 32 * rows, nanosPerElement);
  }

  private void addUnpackF16(double nanosPerElement) {
    add(() -> k.unpackF16(halves, 0, x.columns, panel), x.columns * 32, nanosPerElement);
  }

  private void addElementwise(double nanosPerElement) {
    int n = x.columns;
    float[] table = new float[n];
    add(() -> k.quantize(x, 0, 0, n, PanelFormat.I4.activationRange()), n, nanosPerElement);
    add(() -> k.rmsNorm(x.f32, 0, n, table, 1e-5f, y, 0), n, nanosPerElement / 2);
    add(() -> k.dot(x.f32, 0, table, 0, n), n, nanosPerElement / 2);
    add(() -> k.add(y, 0, x.f32, 0, n), n, nanosPerElement / 2);
    add(() -> k.rotate(y, 0, table, table, 0, n / 2), n, nanosPerElement / 2);
    add(() -> k.siluMultiply(y, 0, x.f32, 0, n), n, nanosPerElement);
    add(() -> k.softmax(y, 0, n, 1), n, nanosPerElement);
    add(() -> k.logSumExp(y, 0, n), n, nanosPerElement);
  }

  private void add(Runnable call, int elements, double nanosPerElement) {
    pending.add(new Task(call, CLOCK_NANOS + (long) (elements * nanosPerElement)));
  }

  /** Runs each task a few times, on the calling thread; returns whether all were seen fast, or turns took too long in sum. */
  boolean turn() throws InterruptedException {
    long start = System.nanoTime();
    pending.removeIf(Task::seenFast);
    if (++turns > BUSY_TURNS) {
      Thread.sleep(PAUSE_MILLIS);
    }
    nanosLeft -= System.nanoTime() - start;
    return pending.isEmpty() || nanosLeft < 0;
  }

  /** Whether no task is left. */
  boolean allSeenFast() {
    return pending.isEmpty();
  }
}
