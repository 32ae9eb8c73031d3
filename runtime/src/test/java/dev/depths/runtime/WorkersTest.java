package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class WorkersTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  void everyShareRunsOncePerJob(int threads) {
    // A hand-over among more threads than cores takes a time slice.
    int jobs = threads <= 2 ? 5_000 : 500;
    try (Workers workers = new Workers(threads)) {
      assertEquals(threads, workers.size());
      AtomicIntegerArray runs = new AtomicIntegerArray(threads);
      // Not atomic: that results are there when run returns, and each share's for the next job, is under test too.
      int[] plain = new int[threads];
      for (int job = 0; job < jobs; job++) {
        int before = job;
        workers.run((worker, size) -> {
          runs.incrementAndGet(worker);
          plain[worker]++;
          assertEquals(threads, size);
        });
        assertTrue(Arrays.stream(plain).allMatch(n -> n == before + 1));
      }
      for (int w = 0; w < threads; w++) {
        assertEquals(jobs, runs.get(w));
      }
    }
  }

  @Test
  void theCallerTakesPart() {
    Set<Thread> threads = Collections.synchronizedSet(new HashSet<>());
    try (Workers workers = new Workers(3)) {
      Thread[] ofShare = new Thread[3];
      for (int i = 0; i < 10; i++) {
        workers.run((worker, size) -> {
          ofShare[worker] = Thread.currentThread();
          threads.add(Thread.currentThread());
        });
      }
      assertSame(Thread.currentThread(), ofShare[0]);
      assertEquals(3, threads.size());
    }
  }

  @Test
  void contiguousSharesCoverAllItems() {
    for (int workers = 1; workers <= 7; workers++) {
      for (int n : new int[] {0, 1, 2, 5, 7, 64, 1_000_003, Integer.MAX_VALUE}) {
        assertEquals(0, Workers.Job.from(n, 0, workers));
        assertEquals(n, Workers.Job.from(n, workers, workers));
        for (int w = 0; w < workers; w++) {
          int share = Workers.Job.from(n, w + 1, workers) - Workers.Job.from(n, w, workers);
          assertTrue(share == n / workers || share == n / workers + 1);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void failureReachesTheCallerAndThePoolGoesOn(int failing) {
    try (Workers workers = new Workers(3)) {
      for (int i = 0; i < 100; i++) {
        RuntimeException e = assertThrows(RuntimeException.class, () -> workers.run((worker, size) -> {
          if (worker == failing) {
            throw new ArithmeticException("share " + worker);
          }
        }));
        assertTrue(e.toString().contains("share " + failing), e::toString);
        workers.run(countingJob(new int[3]));
      }
    }
  }

  @Test
  void failuresOfSeveralSharesDoNotOutliveTheirJob() {
    try (Workers workers = new Workers(4)) {
      for (int i = 0; i < 100; i++) {
        assertThrows(RuntimeException.class, () -> workers.run((worker, size) -> {
          throw new ArithmeticException("share " + worker);
        }));
        int[] runs = new int[4];
        workers.run(countingJob(runs));
        assertArrayEquals(new int[] {1, 1, 1, 1}, runs);
      }
    }
  }

  private static Workers.Job countingJob(int[] runs) {
    return (worker, size) -> runs[worker]++;
  }

  @Test
  void anIdlePoolBurnsNoCpu() throws InterruptedException {
    try (Workers workers = new Workers(3)) {
      long[] ids = threadIds(workers);
      // Long enough to have parked, on a busy machine too.
      Thread.sleep(200);
      long before = cpuNanos(ids);
      Thread.sleep(400);
      long used = cpuNanos(ids) - before;
      assertTrue(used < 20_000_000, () -> "two idle workers used " + used + " ns of 400 ms");
      int[] runs = new int[3];
      workers.run(countingJob(runs));
      assertArrayEquals(new int[] {1, 1, 1}, runs, "parked workers wake up");
    }
  }

  private static long cpuNanos(long[] ids) {
    return Arrays.stream(ids).map(ManagementFactory.getThreadMXBean()::getThreadCpuTime).sum();
  }

  private static long[] threadIds(Workers workers) {
    long[] ids = new long[workers.size()];
    workers.run((worker, size) -> ids[worker] = Thread.currentThread().threadId());
    return Arrays.copyOfRange(ids, 1, ids.length);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void closeEndsTheThreads(boolean parked) throws InterruptedException {
    Thread[] threads = new Thread[4];
    Workers workers = new Workers(4);
    workers.run((worker, size) -> threads[worker] = Thread.currentThread());
    if (parked) {
      Thread.sleep(100);
    }
    workers.close();
    List<Thread> pool = IntStream.range(1, 4).mapToObj(i -> threads[i]).toList();
    for (Thread t : pool) {
      t.join(10_000);
      assertFalse(t.isAlive());
    }
    workers.close();
  }
}
