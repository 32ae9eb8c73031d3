package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModDescriptor.Combine;
import java.util.Arrays;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Cancelling leaves whole chunks: going on from there is as if nothing had happened, bit for bit. */
@Timeout(60)
class CancelTest {
  private static final TinyModel TINY = TinyModel.dense(TinyModel.SMALL, 1).routed(Combine.HARD, 0, false, 0, 2);
  private static final int VOCABULARY = TINY.config().vocabulary();
  private static final int[] TOKENS = TINY.tokens(600, 1);
  private static final SessionOptions CHUNKS = SessionOptions.defaults().withChunk(128);

  @Test
  void theNextCallIsCancelledIfNoneIsUnderWay() {
    try (Model model = TINY.exact(1); Session session = model.newSession(CHUNKS)) {
      session.cancel();
      assertThrows(CancellationException.class, () -> session.prefill(TOKENS));
      assertEquals(0, session.position());
      assertGoesOn(model, session);
      session.cancel();
      assertThrows(CancellationException.class, () -> session.decode(1));
      assertEquals(TOKENS.length, session.position());
      session.cancel();
      session.reset();
      assertGoesOn(model, session);
    }
  }

  @Test
  void betweenTwoChunks() {
    try (Model model = TINY.exact(2); Session session = model.newSession(CHUNKS)) {
      assertThrows(CancellationException.class, () -> session.prefill(TOKENS, (position, _) -> {
        if (position == 300) {
          session.cancel();
        }
      }));
      assertEquals(384, session.position());
      assertGoesOn(model, session);
    }
  }

  /** At any moment, mostly in the middle of a pass, some of whose blocks have put keys and values into their caches. */
  @Test
  void fromAnotherThread() throws InterruptedException {
    int cancelled = 0;
    try (Model model = TINY.exact(2)) {
      for (int round = 0; round < 30; round++) {
        try (Session session = model.newSession(CHUNKS)) {
          long delay = 100_000L * round;
          Thread canceller = Thread.ofPlatform().start(() -> {
            LockSupport.parkNanos(delay);
            session.cancel();
          });
          try {
            session.prefill(TOKENS);
          } catch (CancellationException _) {
            cancelled++;
            assertEquals(0, session.position() % CHUNKS.chunk());
          }
          canceller.join();
          assertGoesOn(model, session);
        }
      }
    }
    assertTrue(cancelled > 0, "none was cancelled in time");
  }

  private static void assertGoesOn(Model model, Session session) {
    int held = session.position();
    for (int b = 0; b < TINY.config().blocks(); b++) {
      assertTrue(Arrays.stream(session.computedPositions(b)).allMatch(p -> p < held));
    }
    try (Session expected = model.newSession(CHUNKS)) {
      float[] logits = expected.prefill(TOKENS);
      if (held < TOKENS.length) {
        assertArrayEquals(Arrays.copyOf(logits, VOCABULARY), Arrays.copyOf(rest(session, held), VOCABULARY));
      }
      assertEquals(TOKENS.length, session.position());
      assertEquals(expected.counters().routed(), session.counters().routed());
      assertEquals(expected.counters().blocksRun(), session.counters().blocksRun());
      for (int b = 0; b < TINY.config().blocks(); b++) {
        assertArrayEquals(expected.computedPositions(b), session.computedPositions(b));
      }
    }
  }

  private static float[] rest(Session session, int held) {
    int[] tokens = Arrays.copyOfRange(TOKENS, held, TOKENS.length);
    try {
      return session.prefill(tokens);
    } catch (CancellationException _) {
      // The cancellation came too late for the prefill before, and met this one.
      assertEquals(held, session.position());
      return session.prefill(tokens);
    }
  }
}
