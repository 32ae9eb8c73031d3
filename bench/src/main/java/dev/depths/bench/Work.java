package dev.depths.bench;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.util.Arrays;
import java.util.Map;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * Work done beside a benchmark's own score. JMH divides by the time that was measured, so {@code gigaFlops} reads
 * GFLOP/s and so on (its tables say ops/s).
 */
public final class Work {
  /** The counters' names and what their rates are. */
  static final Map<String, String> UNITS = Map.of(
      "gigaFlops", "GFLOP/s", "gigaBytes", "GB/s", "gigaWeights", "Gweights/s", "gigaElements", "Gelements/s");

  private Work() {}

  /** Floating-point operations, 10^9; a multiply-add counts two. */
  @AuxCounters
  @State(Scope.Thread)
  public static class Flops {
    public double gigaFlops;

    void add(double flops) {
      gigaFlops += flops / 1e9;
    }
  }

  /** Bytes read, 10^9. */
  @AuxCounters
  @State(Scope.Thread)
  public static class Bytes {
    public double gigaBytes;

    void add(double bytes) {
      gigaBytes += bytes / 1e9;
    }
  }

  /** Weights multiplied or unpacked, 10^9; a pass of several rows counts each weight once per row. */
  @AuxCounters
  @State(Scope.Thread)
  public static class Weights {
    public double gigaWeights;

    void add(double weights) {
      gigaWeights += weights / 1e9;
    }
  }

  /** Elements of vectors, 10^9. */
  @AuxCounters
  @State(Scope.Thread)
  public static class Elements {
    public double gigaElements;

    void add(double elements) {
      gigaElements += elements / 1e9;
    }
  }

  /** Bytes that the calling thread and the runtime's workers allocated on the heap. */
  @AuxCounters
  @State(Scope.Thread)
  public static class Allocated {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    public double allocatedBytes;
    private long[] workers;
    private long begin;

    void begin() {
      if (workers == null) {
        workers = Arrays.stream(THREADS.dumpAllThreads(false, false, 0))
            .filter(thread -> thread.getThreadName().startsWith("depths-worker"))
            .mapToLong(ThreadInfo::getThreadId).toArray();
      }
      begin = allocated();
    }

    void end() {
      allocatedBytes += allocated() - begin;
    }

    private long allocated() {
      long bytes = THREADS.getCurrentThreadAllocatedBytes();
      for (long worker : workers) {
        bytes += THREADS.getThreadAllocatedBytes(worker);
      }
      return bytes;
    }
  }
}
