package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.runtime.Generation.Finish;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** From a prompt to streamed text, on a model that knows {@value #TEXT} by heart. */
@Timeout(60)
class GenerateTest {
  private static final String TEXT = "abcdé fgh€ij";
  private static final GenerateOptions GREEDY = GenerateOptions.defaults().withSampling(Sampling.greedy());

  private static Model model;

  /** What a listener was told. */
  private final List<GeneratedToken> streamed = new ArrayList<>();

  @BeforeAll
  static void open(@TempDir Path directory) throws IOException {
    model = Model.open(ChainModel.write(directory.resolve("chain.gguf"), TEXT), ModelOptions.defaults().withThreads(2));
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private Generation generate(Session session, String prompt, GenerateOptions options) {
    streamed.clear();
    Generation g = session.generate(prompt, options, streamed::add);
    assertEquals(g.text(), pieces(), "what was streamed is the text");
    assertEquals(g.tokens(), streamed.stream().map(GeneratedToken::id).toList());
    assertEquals(g.tokens().size(), g.generatedTokens());
    assertTrue(g.promptNanos() > 0 && g.generationNanos() >= 0);
    return g;
  }

  private String pieces() {
    return String.join("", streamed.stream().map(GeneratedToken::text).toList());
  }

  private Generation generate(String prompt, GenerateOptions options) {
    try (Session session = model.newSession()) {
      return generate(session, prompt, options);
    }
  }

  @Test
  void endsAtTheEndOfGenerationToken() {
    Generation g = generate("a", GREEDY);
    assertEquals("bcdé fgh€ij", g.text());
    assertEquals(Finish.END, g.finish());
    assertEquals(ChainModel.END, g.tokens().getLast());
    assertEquals(1, g.promptTokens());
    // Characters of several bytes come whole, with their last byte.
    assertEquals(List.of("b", "c", "d", "", "é", " ", "f", "g", "h", "", "", "€", "i", "j", ""),
        streamed.stream().map(GeneratedToken::text).toList());
  }

  @Test
  void endsAtTheLength() {
    Generation g = generate("a", GREEDY.withMaxTokens(3));
    assertEquals("bcd", g.text());
    assertEquals(Finish.LENGTH, g.finish());
    // Half a character is shown as such at the end.
    assertEquals("bcd\ufffd", generate("a", GREEDY.withMaxTokens(4)).text());
  }

  @Test
  void noTokensComputeThePrompt() {
    try (Session session = model.newSession()) {
      Generation g = generate(session, "abc", GREEDY.withMaxTokens(0));
      assertEquals("", g.text());
      assertEquals(Finish.LENGTH, g.finish());
      assertEquals(3, session.position());
      assertEquals(List.of(), g.tokens());
    }
  }

  @Test
  void endsAtAStopText() {
    Generation g = generate("a", GREEDY.withStop("gh€"));
    assertEquals("bcdé f", g.text());
    assertEquals(Finish.STOP, g.finish());
    assertEquals("bcdé fgh", generate("a", GREEDY.withStop("xyz", "€i", "j")).text());
    // Held back until it is clear that it is no stop text: with the next token, or the last.
    assertEquals("bcdé fgh€ij", generate("a", GREEDY.withStop("ghx", "ijk")).text());
    assertEquals("bc", generate("a", GREEDY.withStop("cd!").withMaxTokens(2)).text());
    // An end-of-generation token has no text, but what was held back comes with it.
    assertEquals("ij", streamedAfterLast("€", GREEDY.withStop("ijk")));
  }

  private String streamedAfterLast(String prompt, GenerateOptions options) {
    generate(prompt, options);
    return streamed.getLast().text();
  }

  @Test
  void goesOnPastTheEndIfAsked() {
    Generation g = generate("a", new GenerateOptions(20, Sampling.greedy(), List.of(), true));
    assertEquals("bcdé fgh€ijabcd\ufffd", g.text());
    assertEquals(Finish.LENGTH, g.finish());
    assertTrue(g.tokens().contains(ChainModel.END));
  }

  @Test
  void endsWhenTheContextIsFull() {
    try (Session session = model.newSession(SessionOptions.defaults().withContextLength(6))) {
      Generation g = generate(session, "ab", GREEDY);
      assertEquals("cdé ", g.text());
      assertEquals(Finish.CONTEXT_FULL, g.finish());
      assertEquals(6, session.position());
      assertThrows(ContextFullException.class, () -> session.generate("a", GREEDY, _ -> { }));
      assertEquals(6, session.position());
      session.reset();
      assertThrows(ContextFullException.class, () -> session.generate("abcdefg", GREEDY, _ -> { }));
      assertEquals("d", generate(session, "abc", GREEDY.withMaxTokens(1)).text());
    }
  }

  @Test
  void aListenerCancels() {
    try (Session session = model.newSession()) {
      streamed.clear();
      Generation g = session.generate("a", GREEDY.withStop("defg"), token -> {
        streamed.add(token);
        if (streamed.size() == 3) {
          session.cancel();
        }
      });
      // "d" is held back, since a stop text begins with it: what was not streamed is not in the text.
      assertEquals("bc", g.text());
      assertEquals("bc", pieces());
      assertEquals(Finish.CANCELLED, g.finish());
      assertEquals(3, g.tokens().size());
      assertContinues(session, g);
    }
  }

  @Test
  void anotherThreadCancels() {
    try (Session session = model.newSession()) {
      CompletableFuture<Void> started = new CompletableFuture<>();
      Thread canceller = Thread.ofVirtual().start(() -> {
        started.join();
        session.cancel();
      });
      Generation g = session.generate("a", new GenerateOptions(100_000, Sampling.greedy(), List.of(), true), token -> {
        started.complete(null);
        if (session.position() == 100) {
          assertDoesNotThrow(() -> canceller.join());
        }
      });
      assertEquals(Finish.CANCELLED, g.finish());
      assertContinues(session, g);
    }
  }

  @Test
  void cancelledInThePrompt() {
    try (Session session = model.newSession()) {
      session.cancel();
      Generation g = generate(session, "abc", GREEDY);
      assertEquals(Finish.CANCELLED, g.finish());
      assertEquals("", g.text());
      assertEquals(0, session.position());
      assertEquals("d", generate(session, "abc", GREEDY.withMaxTokens(1)).text());
    }
  }

  /** The last token drawn is not computed yet, so what continues begins with it. */
  private static void assertContinues(Session session, Generation g) {
    int last = g.tokens().getLast();
    Generation rest = session.generate(new int[] {last}, GREEDY.withMaxTokens(1), _ -> { });
    assertEquals(after(last), rest.tokens().getFirst());
  }

  private static int after(int token) {
    byte[] chain = TEXT.getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < chain.length; i++) {
      if ((chain[i] & 0xff) == token) {
        return i + 1 < chain.length ? chain[i + 1] & 0xff : ChainModel.END;
      }
    }
    return chain[0];
  }

  @Test
  void anExceptionOfTheListenerLeavesTheSessionUsable() {
    try (Session session = model.newSession()) {
      assertThrows(ArithmeticException.class, () -> session.generate("a", GREEDY, token -> {
        if (token.id() == 'c') {
          throw new ArithmeticException();
        }
      }));
      assertEquals("d", generate(session, "c", GREEDY.withMaxTokens(1)).text());
    }
  }

  /** A turn at a time is the same as all at once. */
  @Test
  void turnsShareTheCache() {
    try (Session session = model.newSession(); Session whole = model.newSession()) {
      Generation first = generate(session, "a", GREEDY.withMaxTokens(4));
      int[] next = {first.tokens().getLast()};
      Generation second = session.generate(next, GREEDY, _ -> { });
      Generation all = generate(whole, "a", GREEDY);
      List<Integer> together = new ArrayList<>(first.tokens());
      together.addAll(second.tokens());
      assertEquals(all.tokens(), together);
      assertEquals(whole.position(), session.position());
      assertArrayEquals(whole.computedPositions(1), session.computedPositions(1));
    }
  }

  @Test
  void logProbabilitiesAreThoseOfTheModel() {
    Sampling hot = Sampling.defaults().withTemperature(1.5f).withSeed(3);
    try (Session session = model.newSession(); Session again = model.newSession()) {
      Generation g = generate(session, "ab", new GenerateOptions(40, hot, List.of(), true));
      float[] logits = again.prefill(new int[] {'a', 'b'});
      for (int i = 0; i < 40; i++) {
        double sum = 0;
        for (int t = 0; t < ChainModel.VOCABULARY; t++) {
          sum += Math.exp(logits[t]);
        }
        // Before penalties, filters and temperature.
        assertEquals(logits[g.tokens().get(i)] - Math.log(sum), streamed.get(i).logProbability(), 1e-5);
        logits = again.decode(g.tokens().get(i));
      }
    }
  }

  @Test
  void aTokenTellsWhichBlocksRan() {
    try (Session session = model.newSession()) {
      Generation g = generate(session, "ab", new GenerateOptions(60, Sampling.greedy(), List.of(), true));
      BitSet second = new BitSet();
      Arrays.stream(session.computedPositions(1)).forEach(second::set);
      int ran = 0;
      for (int i = 0; i < g.generatedTokens(); i++) {
        BitSet blocks = streamed.get(i).blocksRun();
        assertTrue(blocks.get(0));
        // The first token is drawn from the prompt's last position, 1.
        assertEquals(second.get(1 + i), blocks.get(1), "token " + i);
        ran += blocks.get(1) ? 1 : 0;
      }
      assertTrue(ran > 0 && ran < g.generatedTokens());
    }
  }

  @Test
  void theSameSeedGivesTheSameText() {
    GenerateOptions hot = GenerateOptions.defaults().withMaxTokens(60);
    Sampling sampling = new Sampling(3, 0, 1, 0, 1, 64, 0);
    String first = generate("a", hot.withSampling(sampling.withSeed(1))).text();
    assertEquals(first, generate("a", hot.withSampling(sampling.withSeed(1))).text());
    assertNotEquals(first, generate("a", hot.withSampling(sampling.withSeed(2))).text());
  }

  /** The prompt counts as recent too. */
  @Test
  void theRepeatPenaltySeesThePrompt() {
    Sampling penalized = new Sampling(0, 40, 1, 0, 100, 64, 0);
    assertEquals("b", generate("a", GREEDY.withMaxTokens(1).withSampling(penalized)).text());
    assertNotEquals("b", generate("ba", GREEDY.withMaxTokens(1).withSampling(penalized)).text());
  }

  @Test
  void aModelWithoutTokenizerComputesButDoesNotGenerate() {
    try (Model bare = TinyModel.dense(TinyModel.SMALL, 1).fast(); Session session = bare.newSession()) {
      assertThrows(IllegalStateException.class, () -> session.generate("a", GREEDY, _ -> { }));
      assertThrows(IllegalStateException.class, () -> session.generate(new int[] {1}, GREEDY, _ -> { }));
      assertEquals(0, session.position());
      session.prefill(new int[] {1, 2});
    }
  }

  @Test
  void anEmptyPromptIsRefused() {
    try (Session session = model.newSession()) {
      assertThrows(IllegalArgumentException.class, () -> session.generate("", GREEDY, _ -> { }));
    }
  }
}
