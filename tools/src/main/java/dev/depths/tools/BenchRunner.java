package dev.depths.tools;

import dev.depths.runtime.Counters;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.time.Instant;
import java.util.SplittableRandom;

/** Runs tests on one model. */
final class BenchRunner {
  private static final long TOKEN_SEED = 42;

  private final Model model;
  private final int repetitions;
  private final boolean warmUp;

  BenchRunner(Model model, int repetitions, boolean warmUp) {
    this.model = model;
    this.repetitions = repetitions;
    this.warmUp = warmUp;
  }

  /** Runs a test after one warm-up run of it. */
  BenchSamples run(BenchTest test) {
    Instant time = Instant.now();
    SessionOptions options = SessionOptions.defaults().withRouting(test.routing().routing());
    try (Session session = model.newSession(options)) {
      SplittableRandom random = new SplittableRandom(TOKEN_SEED);
      if (warmUp) {
        measure(session, test, random);
      }
      long[] nanos = new long[repetitions];
      long bytes = 0;
      long run = 0;
      long skipped = 0;
      for (int i = 0; i < repetitions; i++) {
        Sample sample = measure(session, test, random);
        nanos[i] = sample.nanos();
        bytes += sample.bytes();
        run += sample.run();
        skipped += sample.skipped();
      }
      return new BenchSamples(time, test.tokens(), nanos, bytes, run, skipped);
    }
  }

  private Sample measure(Session session, BenchTest test, SplittableRandom random) {
    session.reset();
    if (test.depth() > 0) {
      session.prefill(tokens(test.depth(), random));
    }
    int[] tokens = tokens(test.tokens(), random);
    Counters before = session.counters();
    long start = System.nanoTime();
    if (test.prompt() > 0) {
      session.prefill(tokens);
    } else {
      for (int token : tokens) {
        session.decode(token);
      }
    }
    long nanos = System.nanoTime() - start;
    Counters after = session.counters();
    return new Sample(nanos, after.weightBytesRead() - before.weightBytesRead(),
        after.blocksRun() - before.blocksRun(), after.blocksSkipped() - before.blocksSkipped());
  }

  private int[] tokens(int count, SplittableRandom random) {
    return random.ints(count, 0, model.config().vocabulary()).toArray();
  }

  private record Sample(long nanos, long bytes, long run, long skipped) {}
}
