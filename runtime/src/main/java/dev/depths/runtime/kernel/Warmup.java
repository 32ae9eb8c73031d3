package dev.depths.runtime.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Has the JIT compile the kernels, and chooses those that a pass runs on meanwhile. Until C2 has compiled it, Vector API
 * code is some thousand times slower than after, and a first pass over a model would spend seconds in it; on a few columns
 * the same calls reach the compiler's thresholds within milliseconds. A thread of its own warms the plain loops first, beside
 * the loading of a model, then the vectors, and ends when every kernel has been seen to be fast. A first pass that is short
 * runs on the loops and does not wait for the vectors.
 */
public final class Warmup {
  private static final long VECTORS_LIMIT_NANOS = 5_000_000_000L;
  private static final long LOOPS_LIMIT_NANOS = 300_000_000L;
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
  /** Tokens times bytes of weights up to which loops take less time than compiling the vector kernels does. */
  private static final long LOOPS_MOST = 2_000_000_000L;
  /** How long the vectors' turn waits for a first pass, which would share the processor with C2. */
  private static final long FIRST_PASS_MILLIS = 1000;
  private static final long PAUSE_MILLIS = 5;

  private final StagedKernels kernels;
  private final Kernels vectors;
  private final Kernels loops = new LoopKernels();
  private final Thread thread;
  private final CountDownLatch vectorsTurn = new CountDownLatch(1);
  private volatile boolean paused;
  private boolean firstPassDone;
  private boolean onLoops;

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

  private Warmup(Kernels selected, Set<PanelFormat> formats) {
    vectors = selected;
    kernels = new StagedKernels(selected);
    thread = Thread.ofPlatform().daemon().name("depths-warmup").unstarted(() -> run(formats));
    if (selected instanceof VectorKernels) {
      thread.start();
    }
  }

  /** Begins to warm the kernels for matrices of these formats. */
  public static Warmup start(Set<PanelFormat> formats) {
    return new Warmup(Kernels.select(), formats);
  }

  /** The kernels to compute with, between {@link #beginPass} and the next pass. */
  public Kernels kernels() {
    return kernels;
  }

  /**
   * Chooses the kernels of a pass: waits for the vectors to be compiled, unless loops are quicker. One pass at a time.
   *
   * @param weightBytes that the pass reads
   */
  public void beginPass(int tokens, long weightBytes) {
    if (thread.isAlive()) {
      onLoops = !firstPassDone && tokens * (double) weightBytes <= LOOPS_MOST;
      if (onLoops) {
        paused = true;
        kernels.use(loops);
        return;
      }
      await();
    }
    kernels.use(vectors);
  }

  /** After a pass, whatever its end. */
  public void endPass() {
    firstPassDone = true;
    if (onLoops) {
      onLoops = false;
      paused = false;
      vectorsTurn.countDown();
    }
  }

  private void await() {
    vectorsTurn.countDown();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run(Set<PanelFormat> formats) {
    try (Arena arena = Arena.ofShared()) {
      warm(loopTasks(formats, arena), LOOPS_LIMIT_NANOS);
      vectorsTurn.await(FIRST_PASS_MILLIS, TimeUnit.MILLISECONDS);
      warm(vectorTasks(formats, arena), VECTORS_LIMIT_NANOS);
    } catch (InterruptedException _) {
      // Nobody has this thread; a pass then takes longer.
    }
  }

  /** Runs tasks in turn until each was seen fast, or the time is up. */
  private void warm(List<Task> pending, long limitNanos) throws InterruptedException {
    long end = System.nanoTime() + limitNanos;
    while (!pending.isEmpty() && System.nanoTime() < end) {
      pending.removeIf(Task::seenFast);
      while (paused) {
        Thread.sleep(PAUSE_MILLIS);
      }
    }
  }

  private List<Task> loopTasks(Set<PanelFormat> formats, Arena arena) {
    Kernels k = loops;
    int rows = 4;
    int columns = 64;
    Activations x = new Activations(rows, columns, rows);
    float[] y = new float[rows * columns];
    MemorySegment panel = arena.allocate(columns * 32L * Float.BYTES, 64);
    List<Task> tasks = new ArrayList<>();
    for (PanelFormat format : formats) {
      PackedMatrix w = Packer.allocate(format, 32, columns, arena);
      add(tasks, () -> k.panelGemv(w, 0, x, 0, 1, y, 0, 32), columns * 32, 4);
      if (format != PanelFormat.F32) {
        add(tasks, () -> k.panelGemm(w, 0, x, rows, panel, y, 0, 32), columns * 32 * rows, 2);
      }
    }
    add(tasks, () -> k.panelF32(panel, 0, columns, x.f32, 0, x.stride, rows, y, 0, 32, false), columns * 32 * rows, 2);
    addElementwise(tasks, k, columns, 20);
    return tasks;
  }

  private List<Task> vectorTasks(Set<PanelFormat> formats, Arena arena) {
    Kernels k = vectors;
    Activations x = new Activations(ROWS, COLUMNS, ROWS);
    float[] y = new float[ROWS * COLUMNS];
    MemorySegment panel = arena.allocate(COLUMNS * 32L * Float.BYTES, 64);
    List<Task> tasks = new ArrayList<>();
    for (PanelFormat format : formats) {
      PackedMatrix w = Packer.allocate(format, 32, COLUMNS, arena);
      add(tasks, () -> k.panelGemv(w, 0, x, 0, 1, y, 0, 32), COLUMNS * 32, 0.5);
      if (format != PanelFormat.F32) {
        add(tasks, () -> k.unpack(w, 0, 0, COLUMNS, panel), COLUMNS * 32, 0.5);
      }
    }
    // Every height of the register tile, alone, so that none waits for the others.
    for (int rows : new int[] {1, 2, 4, 8, 12}) {
      add(tasks, () -> k.panelF32(panel, 0, COLUMNS, x.f32, 0, x.stride, rows, y, 0, 32, false), COLUMNS * 32 * rows, 0.25);
    }
    addElementwise(tasks, k, COLUMNS, 8);
    return tasks;
  }

  private static void addElementwise(List<Task> tasks, Kernels k, int n, double nanosPerElement) {
    Activations x = new Activations(1, n, 1);
    float[] y = new float[n];
    float[] table = new float[n];
    add(tasks, () -> k.quantize(x, 0, 0, n, PanelFormat.I4.activationRange()), n, nanosPerElement);
    add(tasks, () -> k.rmsNorm(x.f32, 0, n, table, 1e-5f, y, 0), n, nanosPerElement / 2);
    add(tasks, () -> k.dot(x.f32, 0, table, 0, n), n, nanosPerElement / 2);
    add(tasks, () -> k.add(y, 0, x.f32, 0, n), n, nanosPerElement / 2);
    add(tasks, () -> k.rotate(y, 0, table, table, 0, n / 2), n, nanosPerElement / 2);
    add(tasks, () -> k.siluMultiply(y, 0, x.f32, 0, n), n, nanosPerElement);
    add(tasks, () -> k.softmax(y, 0, n, 1), n, nanosPerElement);
    add(tasks, () -> k.logSumExp(y, 0, n), n, nanosPerElement);
  }

  private static void add(List<Task> tasks, Runnable call, int elements, double nanosPerElement) {
    tasks.add(new Task(call, CLOCK_NANOS + (long) (elements * nanosPerElement)));
  }
}
