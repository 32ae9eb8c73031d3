package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sessions and models from opening to after closing, with mistakes of the caller, and on several threads. */
@Timeout(60)
class LifecycleTest {
  private static final TinyModel TINY = TinyModel.dense(TinyModel.SMALL, 1).routed(TinyModel.SIGMOID, 1, true, 1, 3);
  private static final int VOCABULARY = TINY.config().vocabulary();
  private static final int[] TOKENS = TINY.tokens(30, 1);

  /** What all of the tokens give. */
  private static float[] expected(Model model) {
    try (Session session = model.newSession()) {
      return Arrays.copyOf(session.prefill(TOKENS), VOCABULARY);
    }
  }

  /** A session that holds the first of the tokens computes the rest as if nothing had happened. */
  private static void assertContinues(Model model, Session session, int held) {
    assertEquals(held, session.position());
    float[] logits = session.prefill(Arrays.copyOfRange(TOKENS, held, TOKENS.length));
    assertArrayEquals(expected(model), Arrays.copyOf(logits, VOCABULARY));
  }

  private static void assertClosed(String what, Executable use) {
    IllegalStateException e = assertThrows(IllegalStateException.class, use);
    assertEquals("the " + what + " is closed", e.getMessage());
  }

  @Test
  void aClosedSessionIsRefused() {
    try (Model model = TINY.exact()) {
      Session session = model.newSession();
      session.prefill(TOKENS);
      session.close();
      session.close();
      assertClosed("session", () -> session.prefill(TOKENS));
      assertClosed("session", () -> session.prefill(TOKENS, (_, _) -> { }));
      assertClosed("session", () -> session.decode(1));
      assertClosed("session", session::reset);
      assertDoesNotThrow(session::cancel);
      // The model and its other sessions go on.
      assertEquals(VOCABULARY, expected(model).length);
    }
  }

  @Test
  void aClosedModelIsRefused() {
    Model model = TINY.exact();
    Session session = model.newSession();
    session.prefill(TOKENS);
    model.close();
    model.close();
    assertClosed("model", model::newSession);
    assertClosed("model", model::tokenizer);
    assertClosed("model", model::chatTemplate);
    assertClosed("model", () -> session.prefill(TOKENS));
    assertClosed("model", () -> session.decode(1));
    assertClosed("model", session::reset);
    session.close();
    session.close();
    assertClosed("session", () -> session.decode(1));
  }

  @Test
  void closingAModelEndsItsWorkers() throws InterruptedException {
    long before = workers();
    Model model = TINY.exact(3);
    assertEquals(before + 2, workers());
    model.close();
    for (int i = 0; i < 500 && workers() > before; i++) {
      Thread.sleep(10);
    }
    assertEquals(before, workers());
  }

  private static long workers() {
    return Thread.getAllStackTraces().keySet().stream().filter(t -> t.getName().startsWith("depths-worker")).count();
  }

  @Test
  void whatDoesNotFitIsRefusedWhole() {
    SessionOptions options = SessionOptions.defaults().withContextLength(30);
    try (Model model = TINY.exact(); Session session = model.newSession(options)) {
      session.prefill(Arrays.copyOf(TOKENS, 10));
      Counters before = session.counters();
      ContextFullException e = assertThrows(ContextFullException.class, () -> session.prefill(new int[21]));
      assertTrue(e.getMessage().contains("10") && e.getMessage().contains("21") && e.getMessage().contains("30"),
          e::getMessage);
      assertEquals(before, session.counters());
      assertContinues(model, session, 10);
      assertThrows(ContextFullException.class, () -> session.decode(1));
      assertEquals(30, session.position());
      session.reset();
      assertContinues(model, session, 0);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 37, Integer.MAX_VALUE, Integer.MIN_VALUE})
  void tokensBeyondTheVocabularyAreRefused(int token) {
    try (Model model = TINY.exact(); Session session = model.newSession()) {
      session.prefill(Arrays.copyOf(TOKENS, 5));
      Counters before = session.counters();
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> session.prefill(new int[] {1, 2, token}));
      assertTrue(e.getMessage().contains(String.valueOf(token)), e::getMessage);
      assertThrows(IllegalArgumentException.class, () -> session.decode(token));
      assertThrows(IllegalArgumentException.class, () -> session.prefill(new int[0]));
      assertEquals(before, session.counters());
      assertContinues(model, session, 5);
    }
  }

  @Test
  void optionsThatMakeNoSenseAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> ModelOptions.defaults().withThreads(0));
    assertThrows(IllegalArgumentException.class, () -> SessionOptions.defaults().withContextLength(-1));
    assertThrows(IllegalArgumentException.class, () -> SessionOptions.defaults().withChunk(0));
    assertThrows(IllegalArgumentException.class, () -> GenerateOptions.defaults().withMaxTokens(-1));
    assertThrows(IllegalArgumentException.class, () -> GenerateOptions.defaults().withStop("a", ""));
    try (Model model = TINY.exact()) {
      int longest = model.config().contextLength();
      assertThrows(IllegalArgumentException.class,
          () -> model.newSession(SessionOptions.defaults().withContextLength(longest + 1)));
      try (Session session = model.newSession()) {
        assertEquals(longest, session.contextLength());
      }
    }
  }

  /** What was computed before is kept, and counted once. */
  @Test
  void anExceptionOfTheListenerLeavesTheSessionUsable() {
    try (Model model = TINY.exact(); Session session = model.newSession(SessionOptions.defaults().withChunk(8))) {
      assertThrows(ArithmeticException.class, () -> session.prefill(TOKENS, (position, _) -> {
        if (position == 10) {
          throw new ArithmeticException();
        }
      }));
      assertContinues(model, session, 16);
      assertEquals(30, session.counters().routed().getFirst().tokensSeen());
    }
  }

  @Test
  void aListenerMustNotUseTheSessionOrCloseTheModel() {
    try (Model model = TINY.exact(); Session session = model.newSession()) {
      session.prefill(Arrays.copyOf(TOKENS, 2), (_, _) -> {
        assertThrows(IllegalStateException.class, () -> session.decode(1));
        assertThrows(IllegalStateException.class, session::reset);
        assertThrows(IllegalStateException.class, session::close);
        assertThrows(IllegalStateException.class, model::close);
      });
      assertContinues(model, session, 2);
    }
  }

  @Test
  void oneSessionOnTwoThreadsIsRefused() throws Exception {
    CountDownLatch inside = new CountDownLatch(1);
    CountDownLatch refused = new CountDownLatch(1);
    try (ExecutorService threads = Executors.newSingleThreadExecutor();
        Model model = TINY.exact(); Session session = model.newSession()) {
      Future<?> first = threads.submit(() -> session.prefill(Arrays.copyOf(TOKENS, 4), (_, _) -> {
        inside.countDown();
        assertDoesNotThrow(() -> refused.await(30, TimeUnit.SECONDS));
      }));
      inside.await();
      assertThrows(IllegalStateException.class, () -> session.decode(1));
      assertThrows(IllegalStateException.class, session::reset);
      assertThrows(IllegalStateException.class, session::close);
      refused.countDown();
      first.get();
      assertContinues(model, session, 4);
    }
  }

  /** Sessions take turns, pass by pass; each gives what it gives alone. */
  @Test
  void sessionsOnSeveralThreadsDoNotDisturbEachOther() throws Exception {
    int sessions = 3;
    try (ExecutorService threads = Executors.newFixedThreadPool(sessions); Model model = TINY.exact()) {
      float[][][] alone = new float[sessions][][];
      for (int i = 0; i < sessions; i++) {
        alone[i] = logits(model, TINY.tokens(60, i));
      }
      for (int round = 0; round < 3; round++) {
        CountDownLatch together = new CountDownLatch(sessions);
        Future<?>[] all = new Future<?>[sessions];
        for (int i = 0; i < sessions; i++) {
          int seed = i;
          all[i] = threads.submit(() -> {
            together.countDown();
            together.await();
            assertArrayEquals(alone[seed], logits(model, TINY.tokens(60, seed)));
            return null;
          });
        }
        for (Future<?> f : all) {
          f.get();
        }
      }
    }
  }

  private static float[][] logits(Model model, int[] tokens) {
    try (Session session = model.newSession(SessionOptions.defaults().withChunk(5))) {
      return Logits.append(Logits.prefill(session, VOCABULARY, Arrays.copyOf(tokens, 40)),
          Logits.decode(session, VOCABULARY, Arrays.copyOfRange(tokens, 40, tokens.length)));
    }
  }

  @Test
  void closingAModelWaitsForThePassesUnderWay() throws Exception {
    for (int round = 0; round < 20; round++) {
      Model model = TINY.exact();
      CountDownLatch running = new CountDownLatch(1);
      try (ExecutorService threads = Executors.newSingleThreadExecutor(); Session session = model.newSession()) {
        Future<?> decoding = threads.submit(() -> {
          running.countDown();
          while (true) {
            session.decode(1);
            if (session.position() > 1000) {
              session.reset();
            }
          }
        });
        running.await();
        Thread.sleep(round);
        model.close();
        Exception e = assertThrows(Exception.class, decoding::get);
        assertEquals("the model is closed", e.getCause().getMessage());
      }
    }
  }
}
