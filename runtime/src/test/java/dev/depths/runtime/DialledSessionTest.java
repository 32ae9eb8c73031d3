package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.Calibration;
import dev.depths.loader.Calibration.Row;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Unit;
import dev.depths.loader.ModelConfig.Rope;
import dev.depths.loader.UnsupportedModelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What sessions compute by the thresholds of a dial. */
class DialledSessionTest {
  private static final int TOKENS = 40;
  private static final TinyModel.Shape SHAPE = new TinyModel.Shape("llama", Rope.Layout.INTERLEAVED, 4, 32, 48, 4, 2, 8,
      ChainModel.VOCABULARY, false);

  /** Of one point: thresholds for two blocks. */
  private static Dial dial(Rule rule, double... thresholds) {
    List<Double> list = Arrays.stream(thresholds).boxed().toList();
    return Dial.of(new Calibration(rule, List.of(new Row(0.5, list, 0.5, 0.5, 2, 0.5)), 2, 1, ""));
  }

  private static ModDescriptor descriptor(Part part, Unit unit, Rule rule) {
    ModDescriptor mod = ModDescriptor.linear(List.of(1, 2), Combine.HARD);
    ModDescriptor.Selection s = mod.selection();
    return new ModDescriptor(mod.blocks(), part, unit, mod.router(), new ModDescriptor.Selection(rule, rule, List.of(),
        s.rounding(), 1, 0, s.ties(), 0.5, s.prefillThreshold(), false, unit == Unit.TOKEN ? 2 : 0), Combine.HARD,
        mod.positions(), mod.skippedKv(), 0);
  }

  /** Each decision is that of the block's own threshold, in a prompt and after it, but for the first two tokens. */
  @ParameterizedTest
  @EnumSource(value = Rule.class, names = "TOPK", mode = EnumSource.Mode.EXCLUDE)
  void eachBlockHasItsThreshold(Rule rule) {
    TinyModel tiny = TinyModel.dense(TinyModel.SMALL, 5).routed(descriptor(Part.EACH_HALF, Unit.TOKEN, rule), true, 6);
    Routing routing = Routing.dial(dial(rule, 0.6, 0.35).capacity(0.5));
    int[] tokens = tiny.tokens(TOKENS, 7);
    Map<Integer, Double> thresholds = Map.of(1, 0.6, 2, 0.35);
    // By the model's own threshold other tokens would be computed, in both blocks.
    int[] differing = new int[2];
    try (Model model = tiny.exact();
        Session session = model.newSession(SessionOptions.defaults().withRouting(routing))) {
      session.onRouting((block, part, position, score, computed) -> {
        double p = 1 / (1 + Math.exp(-score));
        assertEquals(position < 2 || p > thresholds.get(block), computed);
        differing[block - 1] += position >= 2 && computed != p > 0.5 ? 1 : 0;
      });
      session.prefill(Arrays.copyOf(tokens, 20));
      for (int i = 20; i < TOKENS; i++) {
        session.decode(tokens[i]);
      }
    }
    assertTrue(differing[0] > 0 && differing[1] > 0, Arrays.toString(differing));
  }

  /** A budget that no machine keeps goes to the lowest capacity, one that all keep stays at the highest; decisions stay. */
  @Test
  void budgetsMoveTheThresholdsOfTokensToCome() {
    TinyModel tiny = TinyModel.dense(TinyModel.SMALL, 5).routed(Combine.HARD, 0, false, 1, 2);
    Calibration calibration = new Calibration(Rule.THRESHOLD, List.of(
        new Row(0.1, List.of(1.0, 1.0), 0, 0.5, 3, 1), new Row(1, List.of(0.0, 0.0), 1, 1, 2, 0)), 2, 1, "");
    int[] tokens = tiny.tokens(TOKENS, 7);
    for (double millis : new double[] {1e-9, 1e9}) {
      boolean keeps = millis > 1;
      try (Model model = tiny.fast(); Session session =
          model.newSession(SessionOptions.defaults().withRouting(Routing.budget(Dial.of(calibration), millis)))) {
        for (int token : tokens) {
          session.decode(token);
        }
        int[] expected = keeps ? IntStream.range(0, TOKENS).toArray() : new int[] {0};
        assertArrayEquals(expected, session.computedPositions(1));
        BudgetUse use = session.budgetUse().orElseThrow();
        assertEquals(TOKENS, use.tokens());
        assertEquals(keeps ? 1 : 1.0 / TOKENS, use.mean().capacity(), 1e-12);
        assertEquals(keeps ? 1 : 0, use.leastCapacity());
        session.reset();
        assertEquals(0, session.budgetUse().orElseThrow().tokens());
        session.decode(tokens[0]);
        assertArrayEquals(new int[] {0}, session.computedPositions(1));
      }
    }
  }

  @Test
  void batchesKeepBudgetsToo(@TempDir Path directory) throws Exception {
    TinyModel tiny = TinyModel.dense(SHAPE, 5).routed(Combine.HARD, 0, false, 1, 2);
    List<Integer> seen = new ArrayList<>();
    Map<Integer, Integer> computed = new TreeMap<>();
    try (Model model = Model.open(tiny.write(directory.resolve("model.gguf")));
        Session session = model.newSession(SessionOptions.defaults()
            .withRouting(Routing.budget(dial(Rule.THRESHOLD, 0.5, 0.5), 1)));
        Batch batch = model.newBatch(BatchOptions.defaults())) {
      session.onRouting((block, part, position, score, run) -> computed.merge(block, run ? 1 : 0, Integer::sum));
      batch.add(session, new int[] {5, 6, 7}, GenerateOptions.defaults().withMaxTokens(9).withIgnoreEnd(true),
          token -> seen.add(token.id()));
      batch.run();
      assertEquals(9, seen.size());
      // The prompt's pass has three rows, the last token drawn is not computed.
      assertEquals(8, session.budgetUse().orElseThrow().tokens());
    }
  }

  @Test
  void whatHasNoThresholdsToSetIsRefused() {
    TinyModel dense = TinyModel.dense(TinyModel.SMALL, 5);
    Routing two = Routing.dial(dial(Rule.THRESHOLD, 0.5, 0.5).capacity(0.5));
    try (Model model = dense.exact()) {
      assertThrows(UnsupportedModelException.class,
          () -> model.newSession(SessionOptions.defaults().withRouting(two)));
    }
    try (Model model = dense.routed(Combine.HARD, 0, false, 1).exact()) {
      IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
          () -> model.newSession(SessionOptions.defaults().withRouting(two)));
      assertTrue(e.getMessage().contains("thresholds for 2 routed blocks, of which the model has 1"), e.getMessage());
    }
    try (Model model = dense.routed(descriptor(Part.BLOCK, Unit.SEQUENCE, Rule.THRESHOLD), false, 6).exact()) {
      assertThrows(UnsupportedModelException.class,
          () -> model.newSession(SessionOptions.defaults().withRouting(two)));
    }
    assertThrows(IllegalArgumentException.class, () -> Routing.budget(dial(Rule.THRESHOLD, 0.5), 0));
  }
}
