package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModDescriptor.Combine;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Exact mode against the independent {@link Reference}: logits, and the decisions of routed blocks. */
class ReferenceTest {
  private static final int TOKENS = 45;

  static Stream<TinyModel.Shape> shapes() {
    return Stream.of(TinyModel.SMALL, TinyModel.HALVES, TinyModel.QWEN2, TinyModel.QWEN3, TinyModel.SINGLE);
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void denseModels(TinyModel.Shape shape) {
    compare(TinyModel.dense(shape, 1), 1);
  }

  /** Every combine, with and without bias and initial tokens, on blocks that follow each other and that do not. */
  static Stream<TinyModel> routed() {
    TinyModel small = TinyModel.dense(TinyModel.SMALL, 2);
    return Stream.of(
        small.routed(Combine.HARD, 0, false, 1, 3),
        small.routed(Combine.SCORE, 0, false, 1, 2, 3),
        small.routed(TinyModel.SIGMOID, 0, true, 0, 2),
        small.routed(TinyModel.TANH, 0, false, 1, 3),
        small.routed(Combine.HARD, 7, true, 0, 1, 2, 3),
        small.routed(TinyModel.SIGMOID, 1, false, 2),
        TinyModel.dense(TinyModel.HALVES, 3).routed(Combine.SCORE, 2, true, 0, 2),
        TinyModel.dense(TinyModel.QWEN2, 4).routed(TinyModel.TANH, 3, true, 1),
        TinyModel.dense(TinyModel.QWEN3, 5).routed(TinyModel.SIGMOID, 0, false, 0, 1),
        TinyModel.dense(TinyModel.SINGLE, 6).routed(Combine.HARD, 0, false, 0));
  }

  @ParameterizedTest
  @MethodSource("routed")
  void routedModels(TinyModel model) {
    int[][] computed = compare(model, 2);
    List<Integer> routed = model.mod().orElseThrow().blocks();
    assertTrue(routed.stream().allMatch(b -> computed[b].length > 0 && computed[b].length < TOKENS),
        () -> "a test that skips nothing, or all, shows little: " + Arrays.deepToString(computed));
  }

  /** The plain loops, which define what kernels compute, carry a model too. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void plainLoops(boolean exact) {
    TinyModel tiny = TinyModel.dense(TinyModel.QWEN3, 7).routed(Combine.SCORE, 1, true, 1);
    int[] tokens = tiny.tokens(TOKENS, 3);
    System.setProperty("depths.kernels", "scalar");
    try (Model model = tiny.open(ModelOptions.defaults().withThreads(1).withExact(exact));
        Session session = model.newSession()) {
      assertEquals("scalar reference", model.kernelDescription());
      UnaryOperator<double[]> held = exact ? UnaryOperator.identity() : Reference::halves;
      Reference.Result expected = new Reference(tiny, UnaryOperator.identity(), held).run(tokens);
      double bound = exact ? 1e-10 : 1e-7;
      Logits.assertClose(expected.logits(), Logits.prefill(session, tiny.config().vocabulary(), tokens), bound);
      assertArrayEquals(expected.computed()[1], session.computedPositions(1));
    } finally {
      System.clearProperty("depths.kernels");
    }
  }

  private static int[][] compare(TinyModel model, long seed) {
    int[] tokens = model.tokens(TOKENS, seed);
    Reference.Result expected = new Reference(model).run(tokens);
    try (Model m = model.exact(); Session session = m.newSession()) {
      float[][] logits = Logits.prefill(session, model.config().vocabulary(), tokens);
      Logits.assertClose(expected.logits(), logits, 1e-10);
      for (int b = 0; b < model.config().blocks(); b++) {
        assertArrayEquals(expected.computed()[b], session.computedPositions(b), "block " + b);
      }
    }
    return expected.computed();
  }
}
