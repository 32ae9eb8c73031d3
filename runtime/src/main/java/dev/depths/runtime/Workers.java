package dev.depths.runtime;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;

/**
 * A fixed pool of threads that run one job at a time together with the calling thread. A job is cut into a few shares per
 * thread, and whoever is free takes the next one: a thread that the system has put aside, because other programs want its
 * core too, holds nothing up unless it was put aside in the middle of a share. Between jobs of a pass a worker spins for
 * tens of microseconds, then yields, then parks until the next job: fast hand-over while a model decodes, no CPU while it
 * is idle.
 */
final class Workers implements AutoCloseable {
  private static final int SPINS = 4_000;
  private static final int YIELDS = 200;
  private static final int SHARES_PER_THREAD = 2;

  /** Work that is split into shares. */
  @FunctionalInterface
  interface Job {
    /** Does one share. Each is done once, by one thread. */
    void run(int share, int shares);

    /**
     * First of {@code n} items of a contiguous share, which ends where the next share begins. Rounded up, so that larger
     * shares come first: of 5, 4, 5 and 4 items two threads do 9 each, of 4, 5, 4 and 5 it would be eight and ten.
     */
    static int from(int n, int share, int shares) {
      return Math.toIntExact(Math.ceilDiv((long) n * share, shares));
    }

    /** As the other, of whole groups of so many items; the last group may be short. */
    static int from(int n, int group, int share, int shares) {
      return Math.min(n, from(Math.ceilDiv(n, group), share, shares) * group);
    }
  }

  private final Worker[] workers;
  private final int shares;
  private final IdleStrategy callerIdle = new BackoffIdleStrategy(SPINS, Long.MAX_VALUE, 1, 1);
  private final ReentrantLock lock = new ReentrantLock(true);
  /** The job's number in the upper half, its next share in the lower. Whoever raises the lower half owns that share. */
  private final AtomicLong ticket = new AtomicLong();
  private final AtomicInteger completed = new AtomicInteger();
  private Job job;
  private volatile boolean closed;
  private volatile Throwable failure;

  Workers(int threads) {
    workers = new Worker[threads - 1];
    shares = threads == 1 ? 1 : threads * SHARES_PER_THREAD;
    ticket.set(shares);
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

  /** The pool's own threads. */
  List<Thread> threads() {
    return List.of(workers);
  }

  /** Into how many shares a job is cut. */
  int shares() {
    return shares;
  }

  /** Held during a pass: sessions of several threads take turns. */
  ReentrantLock lock() {
    return lock;
  }

  /** Has a job done by the workers and the calling thread, and returns when all shares are. */
  void run(Job job) {
    if (workers.length == 0) {
      job.run(0, 1);
      return;
    }
    this.job = job;
    failure = null;
    completed.set(0);
    // All shares of the last job were taken, so nobody raises the ticket meanwhile.
    ticket.set((ticket.get() >>> 32) + 1 << 32);
    for (Worker w : workers) {
      if (w.parked) {
        LockSupport.unpark(w);
      }
    }
    takeShares();
    callerIdle.reset();
    while (completed.get() != shares) {
      callerIdle.idle();
    }
    Throwable t = failure;
    if (t != null) {
      throw new IllegalStateException("a worker failed: " + t, t);
    }
  }

  /** As {@link #run} for a job that is split by rows: a single row the calling thread does, without a hand-over. */
  void run(Job job, int rows) {
    if (rows == 1) {
      job.run(0, 1);
    } else {
      run(job);
    }
  }

  /** Does shares of the current job until none is left. */
  private void takeShares() {
    for (long t = ticket.get(); (int) t < shares; t = ticket.get()) {
      // The ticket has not moved since it was read: the job is still the one that it belongs to.
      if (ticket.compareAndSet(t, t + 1)) {
        try {
          job.run((int) t, shares);
        } catch (Throwable e) {
          failure = e;
        } finally {
          completed.incrementAndGet();
        }
      }
    }
  }

  private boolean sharesLeft() {
    return (int) ticket.get() < shares;
  }

  @Override
  public void close() {
    closed = true;
    for (Worker w : workers) {
      LockSupport.unpark(w);
    }
  }

  private final class Worker extends Thread {
    private final IdleStrategy idle = new BackoffIdleStrategy(SPINS, YIELDS, 1, 1);
    private volatile boolean parked;

    Worker(int index) {
      super("depths-worker-" + index);
      setDaemon(true);
    }

    @Override
    public void run() {
      while (awaitShares()) {
        takeShares();
      }
    }

    /** Waits for a job with shares left; false if the pool is closed. */
    private boolean awaitShares() {
      idle.reset();
      for (int i = 0; !sharesLeft(); i++) {
        if (closed) {
          return false;
        }
        if (i < SPINS + YIELDS) {
          idle.idle();
        } else {
          parked = true;
          // The flag is up before the last look: whoever begins a job later sees it and unparks.
          if (!sharesLeft() && !closed) {
            LockSupport.park(Workers.this);
          }
          parked = false;
        }
      }
      return true;
    }
  }
}
