package dev.depths.tools;

import dev.depths.runtime.Model;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.time.Instant;

/**
 * Runs tests on one model. The tokens are those of an English text, repeated as needed: routers send random tokens, which
 * llama-bench takes, through nearly all blocks, so that they would tell little about a Mixture-of-Depths model.
 */
final class BenchRunner {
  /** Least time to warm up: the JVM compiles what it finds to run often. */
  private static final long WARM_UP_NANOS = 2_000_000_000;

  private final Model model;
  private final int repetitions;
  private final boolean warmUp;
  private final int[] text;

  BenchRunner(Model model, int repetitions, boolean warmUp) throws IOException {
    this.model = model;
    this.text = model.tokenizer().encode(BenchText.read(), true, false);
    this.repetitions = repetitions;
    this.warmUp = warmUp;
  }

  /** Runs a test, after at least one warm-up run of it. */
  BenchSamples run(BenchTest test) {
    Instant time = Instant.now();
    SessionOptions options = SessionOptions.defaults().withRouting(test.routing().routing());
    try (BenchSessions sessions = new BenchSessions(model, options, text, test)) {
      long start = System.nanoTime();
      while (warmUp && System.nanoTime() - start < WARM_UP_NANOS) {
        sessions.measure();
      }
      long[] nanos = new long[repetitions];
      long bytes = 0;
      long run = 0;
      long skipped = 0;
      for (int i = 0; i < repetitions; i++) {
        BenchSessions.Sample sample = sessions.measure();
        nanos[i] = sample.nanos();
        bytes += sample.bytes();
        run += sample.run();
        skipped += sample.skipped();
      }
      return new BenchSamples(time, test.tokens(), nanos, bytes, run, skipped);
    }
  }
}
