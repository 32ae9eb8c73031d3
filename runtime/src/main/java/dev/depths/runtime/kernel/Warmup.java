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
import java.util.function.Function;

/**
 * Has the JIT compile the kernels, and chooses those that passes run on meanwhile. Until C2 has compiled it, Vector API code
 * is some thousand times slower than after, and a first pass over a model would spend seconds in it; on a few columns the
 * same calls reach the compiler's thresholds within milliseconds. Plain loops and the products with f32 panels, which depend
 * on no model, are warmed first, beside the loading of one, then the other vectors, group by group; a pass runs on the loops
 * where vectors are not compiled yet.
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

  /** Tokens times bytes of weights up to which a first pass is over before it would gain from more vector kernels. */
  private static final long SHORT_PASS = 20_000_000_000L;
  /** How long the vectors' turn waits for a first pass, which would share the processor with C2. */
  private static final long FIRST_PASS_MILLIS = 1000;
  private static final long PAUSE_MILLIS = 5;
  /** Threads that call vector kernels: C2 compiles as many at a time, and one gets ready while another is compiled. */
  private static final int THREADS = 2;
  private static final List<Group> FOR_DECODE =
      List.of(Group.GEMV, Group.HALVES, Group.ELEMENTWISE, Group.ROWS, Group.UNPACK);
  private static final List<Group> FOR_PREFILL =
      List.of(Group.HALVES, Group.ELEMENTWISE, Group.UNPACK, Group.GEMV, Group.ROWS);

  private final Kernels kernels;
  private final Set<PanelFormat> formats;
  /** Tokens that a pass over such matrices multiplies without unpacking them. */
  private final int gemvRows;
  private final Set<Compiled> compiled;
  /** Threads that have yet to finish a group. */
  private final Map<Group, Integer> unfinished = new EnumMap<>(Group.class);
  /** Groups with a kernel that was not seen fast in time. */
  private final Set<Group> slow = EnumSet.noneOf(Group.class);
  private final List<Thread> threads = new ArrayList<>();
  private final CountDownLatch vectorsTurn = new CountDownLatch(1);
  private final CountDownLatch prefillReady = new CountDownLatch(1);
  private final CountDownLatch decodeReady = new CountDownLatch(1);
  /** What the latest pass wants first. */
  private volatile List<Group> order = FOR_DECODE;
  /** A short first pass is running. */
  private volatile boolean firstPass;
  /** The latest pass is of few tokens. */
  private volatile boolean decoding;
  private boolean firstPassBegun;
  private volatile boolean closed;

  /** What depends on no model; started when first asked for. */
  private static final class Early {
    private static final Compiled PRODUCTS = new Compiled(Group.GEMM, null);
    static final Thread LOOPS = Thread.ofPlatform().daemon().name("depths-loops").start(() -> run(WarmupTasks::ofLoops));
    static final Thread GEMM = Thread.ofPlatform().daemon().name("depths-gemm").start(Early::gemm);

    private static void gemm() {
      if (Kernels.select() instanceof VectorKernels vectors
          && run(arena -> WarmupTasks.ofVectors(vectors, Group.GEMM, Set.of(), arena))) {
        COMPILED.add(PRODUCTS);
      }
    }

    private static boolean run(Function<Arena, WarmupTasks> tasksIn) {
      try (Arena arena = Arena.ofShared()) {
        WarmupTasks tasks = tasksIn.apply(arena);
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
  }

  /** @param compiled what vector kernels are compiled already; what this compiles is added */
  Warmup(Kernels selected, Set<PanelFormat> formats, Set<Compiled> compiled) {
    this.formats = formats;
    this.gemvRows = formats.stream().mapToInt(Kernels::gemvRows).max().orElse(0);
    this.compiled = compiled;
    if (!(selected instanceof VectorKernels)) {
      kernels = selected;
      return;
    }
    StagedKernels staged = new StagedKernels(new LoopKernels(), selected);
    kernels = staged;
    for (Group group : Group.values()) {
      if (compiled.containsAll(kernelsOf(group))) {
        staged.advance(group);
      } else {
        unfinished.put(group, THREADS);
      }
    }
    signal(Group.GEMM);
    signal(Group.GEMV);
    if (!unfinished.isEmpty()) {
      Set<Group> groups = EnumSet.copyOf(unfinished.keySet());
      for (int i = 0; i < THREADS; i++) {
        int part = i;
        threads.add(Thread.ofPlatform().daemon().name("depths-warmup-" + i).start(() -> run(staged, groups, part)));
      }
    }
  }

  private Set<Compiled> kernelsOf(Group group) {
    Set<Compiled> kernels = new HashSet<>();
    if (group == Group.GEMV || group == Group.ROWS || group == Group.UNPACK) {
      formats.forEach(format -> kernels.add(new Compiled(group, format)));
    } else {
      kernels.add(new Compiled(group, null));
    }
    return kernels;
  }

  /**
   * Begins to warm what depends on no model, unless that was begun before: the plain loops, and the vectors that most of a
   * prefill is spent in. Programs with other things to do before they open a model do well to call it first of all: the
   * compiler has little else to do then.
   */
  public static void begin() {
    early();
  }

  private static List<Thread> early() {
    return List.of(Early.LOOPS, Early.GEMM);
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
   * itself; the kernels for many rows wait while none are wanted.
   *
   * @param weightBytes that the pass reads
   */
  public void beginPass(int tokens, long weightBytes) {
    decoding = tokens <= gemvRows;
    if (!firstPassBegun) {
      firstPassBegun = true;
      firstPass = tokens * (double) weightBytes <= SHORT_PASS;
    }
    if (tokens > LoopPanels.FEW_ROWS) {
      await(prefillReady);
    }
    if (firstPass) {
      return;
    }
    order = decoding ? FOR_DECODE : FOR_PREFILL;
    vectorsTurn.countDown();
    if (decoding) {
      await(decodeReady);
    }
  }

  private void await(CountDownLatch ready) {
    boolean interrupted = false;
    while (ready.getCount() > 0 && !threads.isEmpty()) {
      try {
        ready.await();
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
    vectorsTurn.countDown();
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
    prefillReady.countDown();
    decodeReady.countDown();
  }

  private void run(StagedKernels staged, Set<Group> groups, int part) {
    Map<Group, WarmupTasks> pending = new EnumMap<>(Group.class);
    try (Arena arena = Arena.ofShared()) {
      for (Thread thread : early()) {
        thread.join();
      }
      for (Group group : groups) {
        if (group == Group.GEMM) {
          finish(staged, group, COMPILED.contains(Early.PRODUCTS));
        } else {
          pending.put(group, WarmupTasks.ofVectors(staged.last(), group, formats, arena).part(part, THREADS));
        }
      }
      vectorsTurn.await(FIRST_PASS_MILLIS, TimeUnit.MILLISECONDS);
      while (!pending.isEmpty() && !closed) {
        Group group = order.stream().filter(pending::containsKey).findFirst().orElseThrow();
        if (firstPass || group == Group.UNPACK && decoding) {
          Thread.sleep(PAUSE_MILLIS);
        } else if (pending.get(group).turn()) {
          finish(staged, group, pending.remove(group).allSeenFast());
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

  private synchronized void finish(StagedKernels staged, Group group, boolean allSeenFast) {
    if (!allSeenFast) {
      slow.add(group);
    }
    if (unfinished.computeIfPresent(group, (_, threadsLeft) -> threadsLeft == 1 ? null : threadsLeft - 1) != null) {
      return;
    }
    if (!slow.contains(group)) {
      compiled.addAll(kernelsOf(group));
    }
    staged.advance(group);
    signal(group);
  }

  /** Lets passes go on that wait for a group, if it is finished. */
  private void signal(Group group) {
    if (!unfinished.containsKey(group)) {
      switch (group) {
        case GEMM -> prefillReady.countDown();
        case GEMV -> decodeReady.countDown();
        default -> { }
      }
    }
  }
}
