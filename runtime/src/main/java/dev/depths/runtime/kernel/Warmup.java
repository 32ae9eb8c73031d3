package dev.depths.runtime.kernel;

import dev.depths.runtime.kernel.StagedKernels.Group;
import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Has the JIT compile the kernels, and chooses those that passes run on meanwhile. Until C2 has compiled it, Vector API code
 * is some thousand times slower than after, and a first pass over a model would spend seconds in it; on a few columns the
 * same calls reach the compiler's thresholds within milliseconds. Plain loops are warmed first, beside the loading of a
 * model, then the vectors, group by group; a pass runs on the loops where vectors are not compiled yet.
 */
public final class Warmup implements AutoCloseable {
  /** The kernels of a group, of those that depend on it for a format of matrices. */
  record Compiled(Group group, PanelFormat format) {}

  /** What this JVM has compiled for other models. */
  private static final Set<Compiled> COMPILED = ConcurrentHashMap.newKeySet();

  /** Tokens times bytes of weights up to which loops take less time than compiling the vector kernels does. */
  private static final long LOOPS_MOST = 2_000_000_000L;
  /** How long the vectors' turn waits for a first pass, which would share the processor with C2. */
  private static final long FIRST_PASS_MILLIS = 1000;
  private static final long PAUSE_MILLIS = 5;
  private static final List<Group> FOR_DECODE = List.of(Group.GEMV, Group.HALVES, Group.ELEMENTWISE, Group.GEMM);
  private static final List<Group> FOR_PREFILL = List.of(Group.GEMM, Group.ELEMENTWISE, Group.HALVES, Group.GEMV);

  private final Kernels kernels;
  private final Set<Compiled> compiled;
  private final Thread thread;
  private final CountDownLatch vectorsTurn = new CountDownLatch(1);
  private final CountDownLatch decodeReady = new CountDownLatch(1);
  /** What the latest pass wants first. */
  private volatile List<Group> order = FOR_DECODE;
  /** A short first pass is running. */
  private volatile boolean firstPass;
  private volatile boolean decoding;
  private boolean firstPassBegun;
  private volatile boolean closed;

  /** Of all models together; started when first asked for. */
  private static final class Loops {
    static final Thread THREAD = Thread.ofPlatform().daemon().name("depths-loops").start(Loops::run);

    private static void run() {
      try (Arena arena = Arena.ofShared()) {
        WarmupTasks tasks = WarmupTasks.ofLoops(arena);
        boolean done = false;
        while (!done) {
          done = tasks.turn();
        }
      } catch (InterruptedException _) {
        // Nobody has this thread.
      }
    }
  }

  /** @param compiled what vector kernels are compiled already; what this compiles is added */
  Warmup(Kernels selected, Set<PanelFormat> formats, Set<Compiled> compiled) {
    this.compiled = compiled;
    if (!(selected instanceof VectorKernels)) {
      kernels = selected;
      thread = null;
      return;
    }
    StagedKernels staged = new StagedKernels(new LoopKernels(), selected);
    kernels = staged;
    Set<Group> missing = EnumSet.noneOf(Group.class);
    for (Group group : Group.values()) {
      if (compiled.containsAll(kernelsOf(group, formats))) {
        staged.advance(group);
      } else {
        missing.add(group);
      }
    }
    if (!missing.contains(Group.GEMV)) {
      decodeReady.countDown();
    }
    thread = missing.isEmpty() ? null
        : Thread.ofPlatform().daemon().name("depths-warmup").start(() -> run(staged, missing, formats));
  }

  private static Set<Compiled> kernelsOf(Group group, Set<PanelFormat> formats) {
    Set<Compiled> kernels = new HashSet<>();
    if (group == Group.GEMV || group == Group.GEMM) {
      formats.forEach(format -> kernels.add(new Compiled(group, format)));
    } else {
      kernels.add(new Compiled(group, null));
    }
    return kernels;
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
    return new Warmup(Kernels.select(), formats, COMPILED);
  }

  /** The kernels to compute with. */
  public Kernels kernels() {
    return kernels;
  }

  /**
   * Before a pass. The first has the processor for itself if it is short; a decode after it waits for the kernels that it
   * spends most of its time in, since tokens computed on loops meanwhile hold the compiler up for longer than they are
   * worth. The kernels for many rows wait while none are wanted.
   *
   * @param weightBytes that the pass reads
   */
  public void beginPass(int tokens, long weightBytes) {
    decoding = tokens == 1;
    if (!firstPassBegun) {
      firstPassBegun = true;
      firstPass = tokens * (double) weightBytes <= LOOPS_MOST;
      if (firstPass) {
        return;
      }
    }
    order = decoding ? FOR_DECODE : FOR_PREFILL;
    vectorsTurn.countDown();
    if (decoding) {
      awaitDecode();
    }
  }

  private void awaitDecode() {
    boolean interrupted = false;
    while (decodeReady.getCount() > 0 && thread != null) {
      try {
        decodeReady.await();
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** After a pass, whatever its end. */
  public void endPass() {
    decoding = false;
    if (firstPass) {
      firstPass = false;
      vectorsTurn.countDown();
    }
  }

  /** Waits for all kernels to be compiled. */
  public void await() throws InterruptedException {
    if (thread != null) {
      vectorsTurn.countDown();
      thread.join();
    }
  }

  /** Ends it, compiled or not, for a model that is no longer used. */
  @Override
  public void close() {
    closed = true;
    vectorsTurn.countDown();
  }

  private void run(StagedKernels staged, Set<Group> missing, Set<PanelFormat> formats) {
    try (Arena arena = Arena.ofShared()) {
      loops().join();
      vectorsTurn.await(FIRST_PASS_MILLIS, TimeUnit.MILLISECONDS);
      Map<Group, WarmupTasks> pending = new EnumMap<>(Group.class);
      for (Group group : missing) {
        pending.put(group, WarmupTasks.ofVectors(staged.last(), group, formats, arena));
      }
      while (!pending.isEmpty() && !closed) {
        Group group = order.stream().filter(pending::containsKey).findFirst().orElseThrow();
        if (firstPass || group == Group.GEMM && decoding) {
          Thread.sleep(PAUSE_MILLIS);
        } else if (pending.get(group).turn()) {
          if (pending.remove(group).allSeenFast()) {
            compiled.addAll(kernelsOf(group, formats));
          }
          staged.advance(group);
          if (group == Group.GEMV) {
            decodeReady.countDown();
          }
        }
      }
    } catch (InterruptedException _) {
      // Nobody has this thread; passes then take longer.
    } finally {
      decodeReady.countDown();
    }
  }
}
