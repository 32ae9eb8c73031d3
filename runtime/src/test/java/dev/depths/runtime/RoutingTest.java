package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.DType;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What sessions ask of routed blocks, and what they count. */
class RoutingTest {
  private static final TinyModel DENSE = TinyModel.dense(TinyModel.SMALL, 1);
  private static final TinyModel ROUTED = DENSE.routed(Combine.HARD, 0, false, 0, 2);
  private static final int BLOCKS = DENSE.config().blocks();
  private static final int VOCABULARY = DENSE.config().vocabulary();

  private static Session session(Model model, Routing routing) {
    return model.newSession(SessionOptions.defaults().withRouting(routing));
  }

  @Test
  void denseRunsEveryBlockForEveryToken() {
    int[] tokens = DENSE.tokens(40, 1);
    try (Model plain = DENSE.exact(); Model routed = ROUTED.exact();
        Session expected = plain.newSession(); Session actual = session(routed, Routing.dense())) {
      // With a hard gate a routed block that runs for all is an ordinary one.
      float[][] logits = Logits.prefill(expected, VOCABULARY, tokens);
      assertArrayEquals(logits, Logits.prefill(actual, VOCABULARY, tokens));
      assertEquals(new Counters(40, 40 * BLOCKS, 0, expected.counters().weightBytesRead(), actual.counters().kvBytes(),
          List.of()), expected.counters());
      assertEquals(40L * BLOCKS, actual.counters().blocksRun());
      assertEquals(0, actual.counters().blocksSkipped());
      assertEquals(List.of(new Counters.RoutedPart(0, Part.BLOCK, 40, 40), new Counters.RoutedPart(2, Part.BLOCK, 40, 40)),
          actual.counters().routed());
      assertArrayEquals(IntStream.range(0, 40).toArray(), actual.computedPositions(2));
    }
  }

  @Test
  void denseKeepsTheGate() {
    TinyModel gated = DENSE.routed(TinyModel.SIGMOID, 1000, false, 1);
    int[] tokens = DENSE.tokens(20, 2);
    try (Model model = gated.exact();
        Session byRouter = model.newSession(); Session dense = session(model, Routing.dense())) {
      // All tokens are initial ones, so the router chooses all too.
      assertArrayEquals(Logits.prefill(byRouter, VOCABULARY, tokens), Logits.prefill(dense, VOCABULARY, tokens));
    }
  }

  @Test
  void countsAgreeWithThePositionsComputed() {
    int[] tokens = ROUTED.tokens(50, 3);
    try (Model model = ROUTED.fast(); Session session = model.newSession(SessionOptions.defaults().withChunk(7))) {
      session.prefill(Arrays.copyOf(tokens, 40));
      for (int i = 40; i < 50; i++) {
        session.decode(tokens[i]);
      }
      Counters c = session.counters();
      long run = 0;
      for (int b = 0; b < BLOCKS; b++) {
        run += session.computedPositions(b).length;
      }
      assertEquals(50, c.tokens());
      assertEquals(run, c.blocksRun());
      assertEquals(50L * BLOCKS - run, c.blocksSkipped());
      assertTrue(c.blocksSkipped() > 0);
      assertEquals(List.of(0, 2), c.routed().stream().map(Counters.RoutedPart::block).toList());
      for (Counters.RoutedPart r : c.routed()) {
        assertEquals(50, r.tokensSeen());
        assertEquals(session.computedPositions(r.block()).length, r.tokensComputed());
      }
      session.reset();
      assertEquals(new Counters(0, 0, 0, 0, c.kvBytes(),
          List.of(new Counters.RoutedPart(0, Part.BLOCK, 0, 0), new Counters.RoutedPart(2, Part.BLOCK, 0, 0))), session.counters());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.125, 0.5, 0.9, 1})
  void randomComputesItsShareOfAPrefill(double rate) {
    int tokens = 64;
    try (Model model = ROUTED.fast(); Session session = session(model, Routing.random(rate, 5))) {
      session.prefill(ROUTED.tokens(tokens, 4));
      for (int block : new int[] {0, 2}) {
        int computed = session.computedPositions(block).length;
        // Exactly, but for a fraction that chance rounds up or down.
        double share = rate * tokens;
        assertTrue(computed == Math.floor(share) || computed == Math.ceil(share), computed + " of " + share);
      }
      assertEquals(tokens, session.computedPositions(1).length);
    }
  }

  @Test
  void randomRoundsAFractionByChance() {
    try (Model model = ROUTED.fast(); Session session = session(model, Routing.random(0.3, 6))) {
      int passes = 300;
      for (int i = 0; i < passes; i++) {
        session.prefill(ROUTED.tokens(4, i));
      }
      // 1.2 of four tokens; the deviation of the mean is 0.4 / sqrt(300).
      double mean = (double) session.computedPositions(0).length / passes;
      assertEquals(1.2, mean, 5 * 0.4 / Math.sqrt(passes));
    }
  }

  @Test
  void randomDecodesEachTokenWithThatProbability() {
    int tokens = 600;
    double rate = 0.125;
    try (Model model = ROUTED.fast(); Session session = session(model, Routing.random(rate, 7))) {
      for (int token : ROUTED.tokens(tokens, 5)) {
        session.decode(token);
      }
      double deviation = Math.sqrt(tokens * rate * (1 - rate));
      assertEquals(rate * tokens, session.computedPositions(0).length, 4 * deviation);
      assertEquals(rate * tokens, session.computedPositions(2).length, 4 * deviation);
      assertFalse(Arrays.equals(session.computedPositions(0), session.computedPositions(2)), "not independent");
    }
  }

  @Test
  void randomReachesEveryPosition() {
    int[] chosen = new int[10];
    try (Model model = ROUTED.fast()) {
      for (int seed = 0; seed < 200; seed++) {
        try (Session session = session(model, Routing.random(0.3, seed))) {
          session.prefill(ROUTED.tokens(10, 1));
          assertEquals(3, session.computedPositions(0).length);
          Arrays.stream(session.computedPositions(0)).forEach(p -> chosen[p]++);
        }
      }
    }
    // 60 each of 200, deviation 6.5.
    assertTrue(Arrays.stream(chosen).allMatch(n -> Math.abs(n - 60) < 30), () -> Arrays.toString(chosen));
  }

  @Test
  void aDenseModelRandomlySkipsEveryOtherBlock() {
    try (Model model = DENSE.fast(); Session session = session(model, Routing.random(0.25, 1))) {
      session.prefill(DENSE.tokens(40, 1));
      assertEquals(List.of(new Counters.RoutedPart(1, Part.BLOCK, 40, 10), new Counters.RoutedPart(3, Part.BLOCK, 40, 10)),
          session.counters().routed());
      assertEquals(40, session.computedPositions(0).length);
      assertEquals(40, session.computedPositions(2).length);
    }
  }

  @Test
  void theSameSeedChoosesTheSameAfterAResetToo() {
    int[] tokens = ROUTED.tokens(30, 8);
    try (Model model = ROUTED.exact(); Session a = session(model, Routing.random(0.5, 9));
        Session b = session(model, Routing.random(0.5, 9)); Session other = session(model, Routing.random(0.5, 10))) {
      float[][] expected = Logits.prefill(a, VOCABULARY, tokens);
      assertArrayEquals(expected, Logits.prefill(b, VOCABULARY, tokens));
      b.reset();
      assertArrayEquals(expected, Logits.prefill(b, VOCABULARY, tokens));
      assertArrayEquals(a.computedPositions(0), b.computedPositions(0));
      other.prefill(tokens);
      assertFalse(Arrays.equals(a.computedPositions(0), other.computedPositions(0)));
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void refusesRatesThatAreNoShares(double rate) {
    assertThrows(IllegalArgumentException.class, () -> Routing.random(rate, 0));
  }

  /** Blocks of Q4_0: a panel of 32 rows and 32 columns takes 512 bytes of nibbles and 128 of scales. */
  @Test
  void aSkippedBlockReadsNoWeights() {
    TinyModel tiny = TinyModel.dense(TinyModel.EVEN, DType.Q4_0, 1).routed(Combine.HARD, 0, true, 1);
    int d = 256;
    int kv = 128;
    int ffn = 256;
    int vocabulary = 160;
    long block = panelBytes(d + 2 * kv, d) + panelBytes(d, d) + panelBytes(2 * ffn, d) + panelBytes(d, ffn) + 2 * 4 * d;
    long embeddingRow = d / 32 * 18;
    long router = 4 * d + 4;
    long output = panelBytes(vocabulary, d);
    try (Model model = tiny.fast()) {
      for (double rate : new double[] {0, 1}) {
        try (Session session = session(model, Routing.random(rate, 1))) {
          session.decode(3);
          long expected = embeddingRow + router + (rate == 0 ? 2 : 3) * block + output;
          assertEquals(expected, session.counters().weightBytesRead());
          // A pass reads its weights once for all of its tokens.
          session.prefill(new int[] {1, 2, 3, 4});
          expected += 4 * embeddingRow + router + (rate == 0 ? 2 : 3) * block + output;
          assertEquals(expected, session.counters().weightBytesRead());
        }
      }
      try (Session session = model.newSession()) {
        for (int i = 0; i < 50; i++) {
          session.decode(i);
        }
        int ran = session.computedPositions(1).length;
        assertTrue(ran > 0 && ran < 50);
        assertEquals(50 * (embeddingRow + router + 2 * block + output) + ran * block,
            session.counters().weightBytesRead());
      }
      assertEquals(3 * block + router + output + 4 * d, model.weightBytes());
    }
  }

  /** Nor does a bypassed one, but those of its bypass. */
  @Test
  void aBypassIsReadWhenATokenTakesIt() {
    TinyModel tiny = TinyModel.dense(TinyModel.EVEN, 1).routed(Combine.HARD, 0, true, 1);
    TinyModel bypassed = tiny.bypassed(2);
    long factors = 4 * 256;
    for (String name : List.of("a", "b")) {
      Tensor t = bypassed.tensors().get("blk.1.mod_bypass_" + name + ".weight");
      factors += Math.ceilDiv(t.rows(), 32L) * 32 * t.columns() * (t.type() == DType.F16 ? 2 : 4);
    }
    try (Model without = tiny.fast(); Model with = bypassed.fast()) {
      for (Routing routing : List.of(Routing.allSkip(), Routing.random(0, 1), Routing.random(0.5, 1), Routing.dense())) {
        try (Session expected = session(without, routing); Session actual = session(with, routing)) {
          expected.prefill(new int[] {1, 2, 3, 4});
          actual.prefill(new int[] {1, 2, 3, 4});
          long bypasses = routing instanceof Routing.Dense ? 0 : factors;
          assertEquals(expected.counters().weightBytesRead() + bypasses, actual.counters().weightBytesRead());
        }
      }
    }
  }

  /** Whoever decides, a token that skips takes the bypass, and one that does not never does. */
  @Test
  void theBypassIsOfSkippedTokensAlone() {
    TinyModel bypassed = ROUTED.bypassed(3);
    int[] tokens = ROUTED.tokens(30, 2);
    try (Model without = ROUTED.exact(); Model with = bypassed.exact()) {
      float[][] plain = logits(without, Routing.allSkip(), tokens);
      float[][] skipped = logits(with, Routing.allSkip(), tokens);
      for (int i = 0; i < tokens.length; i++) {
        assertFalse(Arrays.equals(plain[i], skipped[i]), "position " + i);
      }
      assertArrayEquals(skipped, logits(with, Routing.random(0, 1), tokens));
      float[][] dense = logits(without, Routing.dense(), tokens);
      assertArrayEquals(dense, logits(with, Routing.dense(), tokens));
      assertArrayEquals(dense, logits(with, Routing.random(1, 1), tokens));
    }
  }

  private static float[][] logits(Model model, Routing routing, int[] tokens) {
    try (Session session = session(model, routing)) {
      return Logits.prefill(session, VOCABULARY, tokens);
    }
  }

  private static long panelBytes(long rows, long columns) {
    return rows / 32 * (columns / 32) * (512 + 64);
  }

  /** A token that no block computes leaves no key and value either. */
  @Test
  void kvMemoryFollowsWhatIsComputed() {
    TinyModel wide = TinyModel.dense(TinyModel.EVEN, 1).routed(Combine.HARD, 0, false, 0, 1, 2);
    long perPosition = 2 * Short.BYTES * 128;
    int tokens = 1024;
    long slack = 1 << 20;
    try (Model model = wide.fast()) {
      for (double rate : new double[] {0, 0.5, 1}) {
        try (Session session = session(model, Routing.random(rate, 1))) {
          assertEquals(0, session.counters().kvBytes());
          session.prefill(wide.tokens(tokens, 1));
          long held = (long) (3 * tokens * rate * perPosition);
          long bytes = session.counters().kvBytes();
          assertTrue(bytes >= held && bytes <= held + slack, () -> bytes + " bytes for " + held);
        }
      }
    }
  }

  /** Every other block at an eighth: 56.25 % of dense, and pages that are not full. */
  @Test
  void kvOfAModelThatSkipsSevenEighthsInEveryOtherBlock() {
    TinyModel tiny = TinyModel.dense(TinyModel.SMALL, 1).routed(Combine.HARD, 0, false, 1, 3);
    int tokens = 2000;
    try (Model model = tiny.fast(); Session session = session(model, Routing.random(0.125, 1))) {
      session.prefill(tiny.tokens(tokens, 1));
      long page = session.kvBytes(0) / 63;
      assertEquals(63 * page, session.kvBytes(0));
      assertEquals(8 * page, session.kvBytes(1));
      long held = IntStream.range(0, BLOCKS).mapToLong(session::kvBytes).sum();
      assertTrue(held <= 0.58 * BLOCKS * 63 * page, held + " bytes");
    }
  }

  @Test
  void allSkipComputesNothingOfRoutedBlocks() {
    try (Model model = ROUTED.fast(); Session session = session(model, Routing.allSkip())) {
      session.prefill(ROUTED.tokens(10, 1));
      session.decode(1);
      assertEquals(0, session.computedPositions(0).length);
      assertEquals(0, session.kvBytes(2));
      assertEquals(11, session.computedPositions(1).length);
      assertEquals(22, session.counters().blocksRun());
    }
  }

  @Test
  void listenersAreToldOfEveryDecision() {
    int[] tokens = ROUTED.tokens(30, 8);
    List<String> told = new ArrayList<>();
    try (Model model = ROUTED.exact(); Session session = model.newSession()) {
      session.onRouting((block, part, position, score, computed) -> {
        assertEquals(Part.BLOCK, part);
        assertEquals(score > 0, computed);
        told.add(block + " " + position + " " + computed);
      });
      session.prefill(Arrays.copyOf(tokens, 20));
      for (int i = 20; i < 30; i++) {
        session.decode(tokens[i]);
      }
      for (int block : new int[] {0, 2}) {
        List<Integer> computed = Arrays.stream(session.computedPositions(block)).boxed().toList();
        for (int i = 0; i < 30; i++) {
          assertTrue(told.remove(block + " " + i + " " + computed.contains(i)));
        }
      }
      assertEquals(List.of(), told);
      session.onRouting(null);
      session.decode(1);
      assertEquals(List.of(), told);
    }
  }
}
