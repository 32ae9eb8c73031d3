package dev.depths.runtime;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;

/**
 * A fixed pool of threads that run one job at a time together with the calling thread. Between jobs of a pass a worker
 * spins for tens of microseconds, then yields, then parks until the next job: fast hand-over while a model decodes, no CPU
 * while it is idle, no collapse when cores are oversubscribed.
 */
final class Workers implements AutoCloseable {
  private static final int SPINS = 4_000;
  private static final int YIELDS = 200;

  /** Work that is split among workers. */
  @FunctionalInterface
  interface Job {
    /** Does the share of {@code worker}, 0 being the calling thread. */
    void run(int worker, int workers);

    /** First of {@code n} items of a worker's contiguous share; the share ends where the next worker's begins. */
    static int from(int n, int worker, int workers) {
      return (int) ((long) n * worker / workers);
    }
  }

  private final Worker[] workers;
  private final AtomicInteger pending = new AtomicInteger();
  private final IdleStrategy callerIdle = new BackoffIdleStrategy(SPINS, Long.MAX_VALUE, 1, 1);
  private final ReentrantLock lock = new ReentrantLock(true);
  private Job job;
  private volatile int epoch;
  private volatile boolean closed;
  private volatile Throwable failure;

  Workers(int threads) {
    workers = new Worker[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker(i + 1);
    }
    for (Worker w : workers) {
      w.start();
    }
  }

  /** Number of threads, the caller's included. */
  int size() {
    return workers.length + 1;
  }

  /** Held during a pass: sessions of several threads take turns. */
  ReentrantLock lock() {
    return lock;
  }

  /** Runs a job on all workers and the calling thread, and returns when all are done. */
  void run(Job job) {
    if (workers.length == 0) {
      job.run(0, 1);
      return;
    }
    this.job = job;
    failure = null;
    pending.set(workers.length);
    epoch++;
    for (Worker w : workers) {
      if (w.parked) {
        LockSupport.unpark(w);
      }
    }
    try {
      job.run(0, size());
    } finally {
      callerIdle.reset();
      while (pending.get() != 0) {
        callerIdle.idle();
      }
    }
    Throwable t = failure;
    if (t != null) {
      throw new IllegalStateException("a worker failed: " + t, t);
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Worker w : workers) {
      LockSupport.unpark(w);
    }
  }

  private final class Worker extends Thread {
    private final int index;
    private final IdleStrategy idle = new BackoffIdleStrategy(SPINS, YIELDS, 1, 1);
    private volatile boolean parked;

    Worker(int index) {
      super("depths-worker-" + index);
      this.index = index;
      setDaemon(true);
    }

    @Override
    public void run() {
      int seen = 0;
      while (awaitEpochAfter(seen)) {
        seen++;
        try {
          job.run(index, size());
        } catch (Throwable t) {
          failure = t;
        } finally {
          pending.decrementAndGet();
        }
      }
    }

    /** Waits for the next job; false if the pool is closed. */
    private boolean awaitEpochAfter(int seen) {
      idle.reset();
      for (int i = 0; epoch == seen; i++) {
        if (closed) {
          return false;
        }
        if (i < SPINS + YIELDS) {
          idle.idle();
        } else {
          parked = true;
          // The flag is up before the last look: whoever raises the epoch later sees it and unparks.
          if (epoch == seen && !closed) {
            LockSupport.park(Workers.this);
          }
          parked = false;
        }
      }
      return true;
    }
  }
}
