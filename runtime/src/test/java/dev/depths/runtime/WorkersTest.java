package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
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
      int all = workers.shares();
      assertTrue(all >= threads);
      AtomicIntegerArray runs = new AtomicIntegerArray(all);
      // Not atomic: that a job's results are there when run returns, and each share's for the next job, is under test too.
      int[] plain = new int[all];
      for (int job = 0; job < jobs; job++) {
        int before = job;
        workers.run((share, shares) -> {
          runs.incrementAndGet(share);
          plain[share]++;
          assertEquals(all, shares);
        });
        assertTrue(Arrays.stream(plain).allMatch(n -> n == before + 1));
      }
      for (int share = 0; share < all; share++) {
        assertEquals(jobs, runs.get(share));
      }
    }
  }

  /** With every thread held in its first share until all have one. */
  @Test
  void allThreadsTakePart() {
    Set<Thread> threads = Collections.synchronizedSet(new HashSet<>());
    try (Workers workers = new Workers(3)) {
      CountDownLatch begun = new CountDownLatch(3);
      workers.run((share, shares) -> {
        if (threads.add(Thread.currentThread())) {
          begun.countDown();
          await(begun);
        }
      });
      assertTrue(threads.contains(Thread.currentThread()));
      assertEquals(3, threads.size());
    }
  }

  /** A thread that is held up in a share leaves the others to the rest. */
  @Test
  void aHeldUpThreadLeavesItsSharesToOthers() {
    try (Workers workers = new Workers(2)) {
      Thread[] ofShare = new Thread[workers.shares()];
      CountDownLatch others = new CountDownLatch(workers.shares() - 1);
      workers.run((share, shares) -> {
        ofShare[share] = Thread.currentThread();
        if (share == 0) {
          await(others);
        } else {
          others.countDown();
        }
      });
      assertEquals(1, Arrays.stream(ofShare).skip(1).distinct().count());
      assertTrue(ofShare[0] != ofShare[1]);
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(30, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
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

  @Test
  void ofTwoThreadsFourSharesTheLargerComeFirst() {
    for (int n = 0; n < 100; n++) {
      for (int s = 0; s < 4; s += 2) {
        int first = Workers.Job.from(n, s + 1, 4) - Workers.Job.from(n, s, 4);
        int second = Workers.Job.from(n, s + 2, 4) - Workers.Job.from(n, s + 1, 4);
        assertTrue(first >= second, n + ": " + first + ", " + second);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void failureReachesTheCallerAndThePoolGoesOn(int failing) {
    try (Workers workers = new Workers(3)) {
      for (int i = 0; i < 100; i++) {
        RuntimeException e = assertThrows(RuntimeException.class, () -> workers.run((share, shares) -> {
          if (share == failing) {
            throw new ArithmeticException("share " + share);
          }
        }));
        assertTrue(e.toString().contains("share " + failing), e::toString);
        workers.run(countingJob(new int[workers.shares()]));
      }
    }
  }

  @Test
  void failuresOfSeveralSharesDoNotOutliveTheirJob() {
    try (Workers workers = new Workers(4)) {
      for (int i = 0; i < 100; i++) {
        assertThrows(RuntimeException.class, () -> workers.run((share, shares) -> {
          throw new ArithmeticException("share " + share);
        }));
        int[] runs = new int[workers.shares()];
        workers.run(countingJob(runs));
        assertTrue(Arrays.stream(runs).allMatch(n -> n == 1));
      }
    }
  }

  private static Workers.Job countingJob(int[] runs) {
    return (share, shares) -> runs[share]++;
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
      int[] runs = new int[workers.shares()];
      workers.run(countingJob(runs));
      assertTrue(Arrays.stream(runs).allMatch(n -> n == 1), "parked workers wake up");
    }
  }

  private static long cpuNanos(long[] ids) {
    return Arrays.stream(ids).map(ManagementFactory.getThreadMXBean()::getThreadCpuTime).sum();
  }

  private static long[] threadIds(Workers workers) {
    return workers.threads().stream().mapToLong(Thread::threadId).toArray();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void closeEndsTheThreads(boolean parked) throws InterruptedException {
    Workers workers = new Workers(4);
    workers.run(countingJob(new int[workers.shares()]));
    if (parked) {
      Thread.sleep(100);
    }
    workers.close();
    assertEquals(3, workers.threads().size());
    for (Thread t : workers.threads()) {
      t.join(10_000);
      assertFalse(t.isAlive());
    }
    workers.close();
  }
}
