package dev.depths.tools;

import dev.depths.runtime.Batch;
import dev.depths.runtime.BatchOptions;
import dev.depths.runtime.Counters;
import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Model;
import dev.depths.runtime.Sampling;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** The sessions of a test, which is measured on them again and again. */
final class BenchSessions implements AutoCloseable {
  /** Tokens of the prompt of each sequence that generates with others, beside those of the test's depth. */
  private static final int PROMPT = 16;

  private final Model model;
  private final int[] text;
  private final BenchTest test;
  private final List<Session> sessions = new ArrayList<>();

  /** What one repetition took and did. */
  record Sample(long nanos, long bytes, long run, long skipped) {}

  BenchSessions(Model model, SessionOptions options, int[] text, BenchTest test) {
    this.model = model;
    this.text = text;
    this.test = test;
    for (int i = 0; i < test.batch(); i++) {
      sessions.add(model.newSession(options));
    }
  }

  Sample measure() {
    sessions.forEach(Session::reset);
    return test.batch() == 1 ? alone(sessions.getFirst()) : together();
  }

  private Sample alone(Session session) {
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

  /** After the prompts each step decodes a token of every sequence. */
  private Sample together() {
    int prompt = test.depth() + PROMPT;
    GenerateOptions options = GenerateOptions.defaults().withMaxTokens(test.generated() + 1)
        .withSampling(Sampling.greedy()).withIgnoreEnd(true);
    int most = sessions.size();
    try (Batch batch = model.newBatch(BatchOptions.defaults().withMaxRunning(most).withMaxRows(Math.max(most, 512)))) {
      int[] drawn = {0};
      for (int i = 0; i < most; i++) {
        batch.add(sessions.get(i), tokens(i * prompt, (i + 1) * prompt), options, _ -> drawn[0]++);
      }
      // Until each has drawn the token that it decodes first.
      while (sessions.stream().anyMatch(session -> session.position() < prompt)) {
        batch.step();
      }
      long already = drawn[0];
      long bytes = batch.weightBytesRead();
      long run = sum(true);
      long skipped = sum(false);
      long start = System.nanoTime();
      batch.run();
      double nanos = System.nanoTime() - start;
      // Those whose prompts were done before others' have fewer tokens left.
      double share = (double) test.tokens() / ((long) most * options.maxTokens() - already);
      return new Sample(Math.round(nanos * share), batch.weightBytesRead() - bytes, sum(true) - run, sum(false) - skipped);
    }
  }

  private long sum(boolean run) {
    return sessions.stream().map(Session::counters).mapToLong(c -> run ? c.blocksRun() : c.blocksSkipped()).sum();
  }

  private int[] tokens(int from, int to) {
    return IntStream.range(from, to).map(i -> text[i % text.length]).toArray();
  }

  @Override
  public void close() {
    sessions.forEach(Session::close);
  }
}
