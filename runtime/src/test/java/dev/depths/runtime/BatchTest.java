package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.DType;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModelConfig.Rope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sessions that generate together. */
@Timeout(60)
class BatchTest {
  private static final TinyModel.Shape SHAPE =
      new TinyModel.Shape("llama", Rope.Layout.INTERLEAVED, 4, 32, 48, 4, 2, 8, ChainModel.VOCABULARY, false);
  private static final GenerateOptions OPTIONS = GenerateOptions.defaults().withMaxTokens(20).withIgnoreEnd(true);

  private Model model;
  private final List<Session> sessions = new ArrayList<>();

  @BeforeEach
  void open(@TempDir Path directory) throws IOException {
    TinyModel tiny = TinyModel.dense(SHAPE, DType.F32, 1).routed(Combine.SCORE, 1, true, 0, 2).bypassed(2);
    model = Model.open(tiny.write(directory.resolve("tiny.gguf")), ModelOptions.defaults().withThreads(2).withExact(true));
  }

  @AfterEach
  void close() {
    sessions.forEach(Session::close);
    model.close();
  }

  private Session session() {
    sessions.add(model.newSession());
    return sessions.getLast();
  }

  private static int[] prompt(int n, long seed) {
    return new Random(seed).ints(n, 0, 256).toArray();
  }

  private static GenerateOptions sampled(long seed) {
    return OPTIONS.withSampling(Sampling.defaults().withSeed(seed)).withMaxTokens((int) (10 + seed));
  }

  /** Of different lengths, some more than may run, prompts cut or not. */
  @ParameterizedTest
  @CsvSource({"16, 512", "3, 512", "4, 10", "1, 1"})
  void eachGeneratesAsAlone(int running, int rows) throws Exception {
    List<Generation> alone = new ArrayList<>();
    List<Session> expected = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      Session session = session();
      alone.add(session.generate(prompt(1 + 9 * i, i), sampled(i), _ -> { }));
      expected.add(session);
    }
    try (Batch batch = model.newBatch(BatchOptions.defaults().withMaxRunning(running).withMaxRows(rows))) {
      List<BatchEntry> entries = new ArrayList<>();
      List<List<GeneratedToken>> streamed = new ArrayList<>();
      for (int i = 0; i < 7; i++) {
        List<GeneratedToken> tokens = new ArrayList<>();
        streamed.add(tokens);
        entries.add(batch.add(session(), prompt(1 + 9 * i, i), sampled(i), tokens::add));
      }
      batch.run();
      for (int i = 0; i < 7; i++) {
        Generation together = entries.get(i).result().get();
        assertEquals(alone.get(i).tokens(), together.tokens());
        assertEquals(alone.get(i).text(), together.text());
        assertEquals(alone.get(i).finish(), together.finish());
        assertEquals(together.tokens(), streamed.get(i).stream().map(GeneratedToken::id).toList());
        Session session = entries.get(i).session;
        assertEquals(expected.get(i).counters().routed(), session.counters().routed());
        assertArrayEquals(expected.get(i).computedPositions(2), session.computedPositions(2));
      }
    }
  }

  /** One reading of the weights serves all. */
  @Test
  void weightsAreReadOncePerPass() {
    long alone;
    try (Batch batch = model.newBatch(BatchOptions.defaults())) {
      batch.add(session(), prompt(5, 1), OPTIONS, _ -> { });
      batch.run();
      alone = batch.weightBytesRead();
    }
    try (Batch batch = model.newBatch(BatchOptions.defaults())) {
      for (int i = 0; i < 8; i++) {
        batch.add(session(), prompt(5, 1), OPTIONS, _ -> { });
      }
      batch.run();
      // But for the rows of the embedding, each sequence's own.
      long embeddings = 7L * (5 + 19) * 4 * SHAPE.embedding();
      assertEquals(alone + embeddings, batch.weightBytesRead());
    }
  }

  @Test
  void sessionsJoinAndLeaveBetweenSteps() throws Exception {
    try (Batch batch = model.newBatch(BatchOptions.defaults())) {
      BatchEntry first = batch.add(session(), prompt(3, 1), OPTIONS, _ -> { });
      for (int i = 0; i < 5; i++) {
        assertTrue(batch.step());
      }
      BatchEntry second = batch.add(session(), prompt(30, 2), OPTIONS.withMaxTokens(2), _ -> { });
      while (!second.result().isDone()) {
        assertTrue(batch.step());
      }
      assertFalse(first.result().isDone());
      batch.run();
      assertEquals(20, first.result().get().generatedTokens());
      assertFalse(batch.step());
    }
  }

  @Test
  void cancelling() throws Exception {
    try (Batch batch = model.newBatch(BatchOptions.defaults().withMaxRunning(2))) {
      BatchEntry cancelled = batch.add(session(), prompt(3, 1), OPTIONS, _ -> { });
      BatchEntry other = batch.add(session(), prompt(3, 2), OPTIONS, _ -> { });
      BatchEntry waiting = batch.add(session(), prompt(3, 3), OPTIONS, _ -> { });
      batch.step();
      batch.step();
      cancelled.cancel();
      waiting.cancel();
      batch.run();
      assertEquals(Generation.Finish.CANCELLED, cancelled.result().get().finish());
      assertEquals(2, cancelled.result().get().generatedTokens());
      assertEquals(Generation.Finish.CANCELLED, waiting.result().get().finish());
      assertEquals(Generation.Finish.LENGTH, other.result().get().finish());
      // Given back, and what was computed is held.
      assertEquals(4, cancelled.session.position());
      cancelled.session.decode(1);
    }
  }

  @Test
  void closingCancelsWhatIsLeft() throws Exception {
    Batch batch = model.newBatch(BatchOptions.defaults().withMaxRunning(1));
    BatchEntry running = batch.add(session(), prompt(3, 1), OPTIONS, _ -> { });
    BatchEntry waiting = batch.add(session(), prompt(3, 2), OPTIONS, _ -> { });
    batch.step();
    batch.close();
    batch.close();
    assertThrows(IllegalStateException.class, () -> batch.add(session(), prompt(3, 1), OPTIONS, _ -> { }));
    assertEquals(Generation.Finish.CANCELLED, running.result().get().finish());
    assertEquals(Generation.Finish.CANCELLED, waiting.result().get().finish());
  }

  @Test
  void aListenersMistakeIsItsOwnSessions() throws Exception {
    try (Batch batch = model.newBatch(BatchOptions.defaults())) {
      BatchEntry failing = batch.add(session(), prompt(3, 1), OPTIONS, _ -> {
        throw new IllegalArgumentException("mistake");
      });
      BatchEntry other = batch.add(session(), prompt(3, 1), OPTIONS, _ -> { });
      batch.run();
      ExecutionException e = assertThrows(ExecutionException.class, () -> failing.result().get());
      assertInstanceOf(IllegalArgumentException.class, e.getCause());
      assertEquals(20, other.result().get().generatedTokens());
      failing.session.decode(1);
    }
  }

  @Test
  void whatItRefuses() {
    Session session = session();
    try (Batch batch = model.newBatch(BatchOptions.defaults().withMaxRunning(1).withMaxWaiting(1))) {
      assertThrows(IllegalArgumentException.class, () -> batch.add(session, new int[0], OPTIONS, _ -> { }));
      assertThrows(ContextFullException.class, () -> batch.add(session, prompt(5000, 1), OPTIONS, _ -> { }));
      batch.add(session, prompt(3, 1), OPTIONS, _ -> { });
      assertThrows(IllegalStateException.class, () -> batch.add(session, prompt(3, 1), OPTIONS, _ -> { }));
      assertThrows(IllegalStateException.class, () -> session.decode(1));
      batch.add(session(), prompt(3, 1), OPTIONS, _ -> { });
      Session third = session();
      assertThrows(RejectedExecutionException.class, () -> batch.add(third, prompt(3, 1), OPTIONS, _ -> { }));
      third.decode(1);
      batch.run();
    }
    assertThrows(IllegalArgumentException.class, () -> new BatchOptions(0, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> new BatchOptions(4, 1, 3));
  }
}
