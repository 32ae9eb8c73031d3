package dev.depths.runtime.kernel;

import dev.depths.runtime.kernel.StagedKernels.Group;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/**
 * Has the JIT compile the kernels, and chooses those that passes run on meanwhile. Until C2 has compiled it, Vector API code
 * is some thousand times slower than after, and a first pass over a model would spend seconds in it; on a few columns the
 * same calls reach the compiler's thresholds within milliseconds. A pass runs on plain loops where vectors are not compiled yet.
 * The loops are warmed first, beside the loading of a model; then the vectors, group by group, those first that the latest
 * pass wanted. C2 takes a processor for a second to compile them all, so that a short first pass is over sooner without it.
 */
public final class Warmup implements AutoCloseable {
  /**
   * The kernels of a group, of those that depend on it for a format of matrices. The methods that every record has are
   * made by the JDK when they are first called, which takes a start some 40 ms.
   */
  record Compiled(Group group, PanelFormat format) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Compiled c && group == c.group && format == c.format;
    }

    @Override
    public int hashCode() {
      return 31 * group.hashCode() + (format == null ? 0 : format.hashCode());
    }
  }

  /** What this JVM has compiled for other models. */
  private static final Set<Compiled> COMPILED = ConcurrentHashMap.newKeySet();

  /**
   * Tokens of a first pass that is over on loops before C2 has compiled its products, as measured: with weights of less than a
   * byte, whose vector kernels are the largest and whose loops the fastest, at 512 bits and below, and with others.
   */
  private static final int LOOP_ROWS_OF_FIELDS = Simd.BITS < 512 ? 24 : 18;
  private static final int LOOP_ROWS = 8;
  /** Tokens that are likely to be multiplied as many rows, whatever the model; below 512 bits that is so sooner. */
  private static final int EARLY_PRODUCTS = Simd.BITS < 512 ? 16 : Kernels.MOST_GEMV_ROWS;
  /** Tokens times bytes of weights up to which a first pass is over before it would gain from more vector kernels. */
  private static final long SHORT_PASS = 20_000_000_000L;
  /** How long the vectors' turn waits for a first pass, which would share the processor with C2. */
  private static final long FIRST_PASS_MILLIS = 1000;
  /** Until it is looked again whether there is time for what no pass has wanted; a pass that waits for vectors ends it. */
  private static final long PAUSE_NANOS = 50_000_000;
  /** Without a pass for so long nobody generates, and there is time. */
  private static final long IDLE_NANOS = 100_000_000;
  /** Threads that call vector kernels: C2 compiles as many at a time, and one gets ready while another is compiled. */
  private static final int THREADS = 2;
  private static final List<Group> FOR_ONE_ROW = List.of(Group.GEMV, Group.HALVES, Group.ELEMENTWISE);
  private static final List<Group> FOR_FEW_ROWS = List.of(Group.GEMV, Group.ROWS, Group.HALVES, Group.ELEMENTWISE);
  private static final List<Group> FOR_MANY_ROWS =
      List.of(Group.GEMM, Group.HALVES, Group.ELEMENTWISE, Group.UNPACK, Group.GEMV, Group.ROWS);

  private final Kernels kernels;
  private final Set<PanelFormat> formats;
  /** Tokens that a pass multiplies without unpacking any of such matrices. */
  private final int gemvRows;
  /** Of a first pass, tokens that it does not wait for vectors with. */
  private final int loopRows;
  private final Set<Compiled> compiled;
  /** What passes wait at, for groups that are not compiled yet. */
  private final Map<Group, CountDownLatch> ready = new EnumMap<>(Group.class);
  /** Threads that have yet to finish a group. */
  private final Map<Group, Integer> unfinished = new EnumMap<>(Group.class);
  /** Groups with a kernel that was not seen fast in time. */
  private final Set<Group> slow = EnumSet.noneOf(Group.class);
  private final List<Thread> threads = new ArrayList<>();
  private final CountDownLatch vectorsTurn = new CountDownLatch(1);
  /** What is compiled while passes run; the others follow when none has run for a while. */
  private volatile List<Group> order = FOR_ONE_ROW;
  private volatile boolean passRuns;
  private volatile long passEnded = System.nanoTime();
  /** Somebody waits for all of it, whatever passes run. */
  private volatile boolean awaited;
  private boolean firstPassBegun;
  private volatile boolean closed;

  /** The plain loops, warmed when first asked for. */
  private static final class Loops {
    static final Thread THREAD =
        Thread.ofPlatform().daemon().name("depths-loops").start(() -> runAll(WarmupTasks::ofLoops));
  }

  /** The products of many rows with f32 panels, which every model's prefill needs, warmed when first asked for. */
  private static final class Products {
    static final Thread THREAD = Thread.ofPlatform().daemon().name("depths-products").start(Products::run);

    private static void run() {
      if (Kernels.select() instanceof VectorKernels vectors
          && runAll(arena -> WarmupTasks.ofVectors(vectors, Group.GEMM, Set.of(), arena))) {
        COMPILED.addAll(kernelsOf(Group.GEMM, Set.of()));
      }
    }
  }

  /**
   * Whether all were seen fast. No arena is closed after it: to close one that threads share, the JVM takes every thread out
   * of the compiled code that it reads memory with, and a kernel would end in the interpreter.
   */
  private static boolean runAll(Function<Arena, WarmupTasks> tasksIn) {
    try {
      WarmupTasks tasks = tasksIn.apply(Arena.ofAuto());
      boolean done = false;
      while (!done) {
        done = tasks.turn();
      }
      return tasks.allSeenFast();
    } catch (InterruptedException _) {
      // Nobody has this thread.
      return false;
    }
  }

  /** @param compiled what vector kernels are compiled already; what this compiles is added */
  Warmup(Kernels selected, Set<PanelFormat> formats, Set<Compiled> compiled) {
    this.formats = formats;
    this.gemvRows = formats.stream().mapToInt(Kernels::gemvRows).min().orElse(0);
    this.loopRows = formats.stream().anyMatch(f -> f.fields() != null) ? LOOP_ROWS_OF_FIELDS : LOOP_ROWS;
    this.compiled = compiled;
    if (!(selected instanceof VectorKernels)) {
      kernels = selected;
      return;
    }
    StagedKernels staged = new StagedKernels(new LoopKernels(), selected);
    kernels = staged;
    for (Group group : Group.values()) {
      if (compiled.containsAll(kernelsOf(group, formats))) {
        staged.advance(group);
      } else {
        unfinished.put(group, THREADS);
        ready.put(group, new CountDownLatch(1));
      }
    }
    if (!unfinished.isEmpty()) {
      Set<Group> groups = EnumSet.copyOf(unfinished.keySet());
      for (int i = 0; i < THREADS; i++) {
        int part = i;
        threads.add(Thread.ofPlatform().daemon().name("depths-warmup-" + i).start(() -> run(staged, groups, part)));
      }
    }
  }

  private static Set<Compiled> kernelsOf(Group group, Set<PanelFormat> formats) {
    Set<Compiled> kernels = new HashSet<>();
    if (group == Group.GEMV || group == Group.ROWS || group == Group.UNPACK) {
      formats.forEach(format -> kernels.add(new Compiled(group, format)));
    } else {
      kernels.add(new Compiled(group, null));
    }
    return kernels;
  }

  /**
   * Begins to warm what depends on no model, unless that was begun before: the plain loops and, for a first pass of more than
   * a few tokens, the vectors that most of it is spent in.
   */
  public static void begin(int tokens) {
    loops();
    if (tokens > EARLY_PRODUCTS) {
      products();
    }
  }

  private static Thread loops() {
    return Loops.THREAD;
  }

  private static Thread products() {
    return Products.THREAD;
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
   * Before a pass, which waits for the kernels that it would spend most of its time in: on loops they hold the compiler up
   * for longer than they are worth. Only a first pass of few tokens does not. A short first pass has the processor for
   * itself but for what it waits for; the kernels for more rows than a pass has are not compiled while it runs.
   *
   * @param weightBytes that the pass reads
   */
  public void beginPass(int tokens, long weightBytes) {
    boolean first = !firstPassBegun && tokens * (double) weightBytes <= SHORT_PASS;
    firstPassBegun = true;
    passRuns = true;
    if (tokens > gemvRows) {
      order = first ? List.of(Group.GEMM) : FOR_MANY_ROWS;
    } else if (first) {
      order = tokens > loopRows ? List.of(Group.ROWS) : List.of();
    } else {
      order = tokens > 1 ? FOR_FEW_ROWS : FOR_ONE_ROW;
    }
    if (!order.isEmpty()) {
      vectorsTurn.countDown();
      await(order.getFirst());
    }
  }

  private void await(Group group) {
    CountDownLatch latch = ready.get(group);
    if (latch == null || latch.getCount() == 0) {
      return;
    }
    threads.forEach(LockSupport::unpark);
    boolean interrupted = false;
    while (latch.getCount() > 0) {
      try {
        latch.await();
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
    order = FOR_ONE_ROW;
    passEnded = System.nanoTime();
    passRuns = false;
    vectorsTurn.countDown();
  }

  /** Waits for all kernels to be compiled. */
  public void await() throws InterruptedException {
    awaited = true;
    vectorsTurn.countDown();
    threads.forEach(LockSupport::unpark);
    for (Thread thread : threads) {
      thread.join();
    }
  }

  /** Ends it, compiled or not, for a model that is no longer used. */
  @Override
  public void close() {
    closed = true;
    vectorsTurn.countDown();
    stopWaiting();
  }

  private void stopWaiting() {
    ready.values().forEach(CountDownLatch::countDown);
  }

  private void run(StagedKernels staged, Set<Group> groups, int part) {
    Set<Group> pending = EnumSet.copyOf(groups);
    Map<Group, WarmupTasks> tasks = new EnumMap<>(Group.class);
    try {
      Arena arena = Arena.ofAuto();
      loops().join();
      for (Group group : pending) {
        if (group != Group.GEMM) {
          tasks.put(group, WarmupTasks.ofVectors(staged.last(), group, formats, arena).part(part, THREADS));
        }
      }
      vectorsTurn.await(FIRST_PASS_MILLIS, TimeUnit.MILLISECONDS);
      while (!pending.isEmpty() && !closed) {
        Group group = next(pending);
        if (group == null) {
          LockSupport.parkNanos(PAUSE_NANOS);
        } else if (group == Group.GEMM) {
          products().join();
          pending.remove(group);
          finish(staged, group, COMPILED.containsAll(kernelsOf(group, formats)));
        } else if (tasks.get(group).turn()) {
          pending.remove(group);
          finish(staged, group, tasks.get(group).allSeenFast());
        }
      }
    } catch (InterruptedException _) {
      // Nobody has this thread; passes then take longer.
    } finally {
      if (!pending.isEmpty()) {
        stopWaiting();
      }
    }
  }

  /** What to compile now; null if passes run that want nothing of it. */
  private Group next(Set<Group> pending) {
    for (Group group : order) {
      if (pending.contains(group)) {
        return group;
      }
    }
    boolean idle = !passRuns && System.nanoTime() - passEnded > IDLE_NANOS;
    return idle || awaited ? pending.iterator().next() : null;
  }

  private synchronized void finish(StagedKernels staged, Group group, boolean allSeenFast) {
    if (!allSeenFast) {
      slow.add(group);
    }
    if (unfinished.computeIfPresent(group, (_, threadsLeft) -> threadsLeft == 1 ? null : threadsLeft - 1) != null) {
      return;
    }
    if (!slow.contains(group)) {
      compiled.addAll(kernelsOf(group, formats));
    }
    staged.advance(group);
    ready.get(group).countDown();
  }
}
