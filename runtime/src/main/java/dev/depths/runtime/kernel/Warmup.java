package dev.depths.runtime.kernel;

import java.lang.foreign.Arena;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Has the JIT compile the kernels, and chooses those that a pass runs on meanwhile. Until C2 has compiled it, Vector API
 * code is some thousand times slower than after, and a first pass over a model would spend seconds in it; on a few columns
 * the same calls reach the compiler's thresholds within milliseconds. Plain loops are warmed first, beside the loading of a
 * model, then the vectors. A first pass that is short runs on the loops and does not wait for the vectors.
 */
public final class Warmup {
  private static final long LOOPS_LIMIT_NANOS = 300_000_000L;
  private static final long VECTORS_LIMIT_NANOS = 5_000_000_000L;
  /** Tokens times bytes of weights up to which loops take less time than compiling the vector kernels does. */
  private static final long LOOPS_MOST = 2_000_000_000L;
  /** How long the vectors' turn waits for a first pass, which would share the processor with C2. */
  private static final long FIRST_PASS_MILLIS = 1000;

  private final Kernels loops = new LoopKernels();
  private final Kernels vectors;
  private final StagedKernels kernels;
  private final Thread thread;
  private final CountDownLatch vectorsTurn = new CountDownLatch(1);
  private volatile boolean paused;
  private boolean firstPassDone;
  private boolean onLoops;

  /** Of all models together; started when first asked for. */
  private static final class Loops {
    static final Thread THREAD = Thread.ofPlatform().daemon().name("depths-loops").start(Loops::run);

    private static void run() {
      try (Arena arena = Arena.ofShared()) {
        WarmupTasks.ofLoops(arena).run(LOOPS_LIMIT_NANOS, () -> false);
      } catch (InterruptedException _) {
        // Nobody has this thread.
      }
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

  /**
   * Begins to warm the plain loops, unless that was begun before. Programs with other things to do before they open a model
   * do well to call it first of all: the compiler has little else to do then.
   */
  public static void begin() {
    loops();
  }

  private static Thread loops() {
    return Loops.THREAD;
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
      loops().join();
      vectorsTurn.await(FIRST_PASS_MILLIS, TimeUnit.MILLISECONDS);
      WarmupTasks.ofVectors(vectors, formats, arena).run(VECTORS_LIMIT_NANOS, () -> paused);
    } catch (InterruptedException _) {
      // Nobody has this thread; a pass then takes longer.
    }
  }
}
