package dev.depths.tools;

import dev.depths.runtime.Counters;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.stream.IntStream;

/**
 * Runs tests on one model. The tokens are those of an English text, repeated as needed: routers send random tokens, which
 * llama-bench takes, through nearly all blocks, so that they would tell little about a Mixture-of-Depths model.
 */
final class BenchRunner {
  private static final String TEXT = "bench.txt";
  /** Least time to warm up: the JVM compiles what it finds to run often. */
  private static final long WARM_UP_NANOS = 2_000_000_000;

  private final Model model;
  private final int repetitions;
  private final boolean warmUp;
  private final int[] text;

  BenchRunner(Model model, int repetitions, boolean warmUp) throws IOException {
    this.model = model;
    this.text = text(model);
    this.repetitions = repetitions;
    this.warmUp = warmUp;
  }

  private static int[] text(Model model) throws IOException {
    try (InputStream in = BenchRunner.class.getResourceAsStream(TEXT)) {
      return model.tokenizer().encode(new String(in.readAllBytes(), StandardCharsets.UTF_8), true, false);
    }
  }

  /** Runs a test, after at least one warm-up run of it. */
  BenchSamples run(BenchTest test) {
    Instant time = Instant.now();
    SessionOptions options = SessionOptions.defaults().withRouting(test.routing().routing());
    try (Session session = model.newSession(options)) {
      long start = System.nanoTime();
      while (warmUp && System.nanoTime() - start < WARM_UP_NANOS) {
        measure(session, test);
      }
      long[] nanos = new long[repetitions];
      long bytes = 0;
      long run = 0;
      long skipped = 0;
      for (int i = 0; i < repetitions; i++) {
        Sample sample = measure(session, test);
        nanos[i] = sample.nanos();
        bytes += sample.bytes();
        run += sample.run();
        skipped += sample.skipped();
      }
      return new BenchSamples(time, test.tokens(), nanos, bytes, run, skipped);
    }
  }

  private Sample measure(Session session, BenchTest test) {
    session.reset();
    if (test.depth() > 0) {
      session.prefill(tokens(0, test.depth()));
    }
    int[] tokens = tokens(test.depth(), test.depth() + test.tokens());
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

  private int[] tokens(int from, int to) {
    return IntStream.range(from, to).map(i -> text[i % text.length]).toArray();
  }

  private record Sample(long nanos, long bytes, long run, long skipped) {}
}
