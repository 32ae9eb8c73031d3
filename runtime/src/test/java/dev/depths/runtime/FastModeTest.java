package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.DType;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Fast mode for every type of weights, on models that are rougher than real ones: against exact mode within a stated
 * error, and against the {@link Reference} that rounds its activations as a decode does, much closer.
 */
class FastModeTest {
  private static final TinyModel.Shape SHAPE = TinyModel.EVEN;
  private static final int VOCABULARY = SHAPE.vocabulary();
  private static final int TOKENS = 12;

  /**
   * Tiles of three rows and more multiply f32 with unpacked weights: all that differs from exact mode is roundings. Only
   * the output projection, of one row at a time, rounds activations to integers.
   */
  @ParameterizedTest
  @EnumSource
  void prefill(DType type) {
    TinyModel tiny = TinyModel.dense(SHAPE, type, 1);
    int[] tokens = tiny.tokens(TOKENS, 1);
    try (Model exact = tiny.exact(1); Model fast = tiny.fast();
        Session e = exact.newSession(); Session f = fast.newSession()) {
      float[][] expected = Logits.prefill(e, VOCABULARY, tokens);
      float[][] actual = Logits.prefill(f, VOCABULARY, tokens);
      Logits.assertClose(expected, actual, quantized(type) ? 2e-5 : 1e-10);
    }
  }

  /** All of a decode's projections round their activations to integers. */
  @ParameterizedTest
  @EnumSource
  void decode(DType type) {
    TinyModel tiny = TinyModel.dense(SHAPE, type, 2);
    int[] tokens = tiny.tokens(TOKENS, 2);
    try (Model exact = tiny.exact(1); Model fast = tiny.fast();
        Session e = exact.newSession(); Session f = fast.newSession()) {
      float[][] expected = Logits.prefill(e, VOCABULARY, tokens);
      Logits.assertClose(expected, Logits.decode(f, VOCABULARY, tokens), quantized(type) ? 5e-4 : 1e-10);
      f.reset();
      Logits.assertClose(expected, inPairs(f, tokens), quantized(type) ? 5e-4 : 1e-10);
    }
  }

  /**
   * An activation on the edge between two integers may fall to another side than the reference's, and its error grows
   * to what the rounding as such costs; so most sequences must agree, not all.
   */
  @ParameterizedTest
  @EnumSource
  void decodeAgreesWithTheReferenceThatRounds(DType type) {
    TinyModel tiny = TinyModel.dense(SHAPE, type, 3);
    UnaryOperator<double[]> input = quantized(type) ? x -> rounded(x, nibbles(type)) : UnaryOperator.identity();
    Reference reference = new Reference(tiny, input);
    double[] errors = new double[8];
    try (Model fast = tiny.fast(); Session session = fast.newSession()) {
      for (int i = 0; i < errors.length; i++) {
        int[] tokens = tiny.tokens(2, i);
        errors[i] = Logits.nmse(reference.run(tokens).logits(), Logits.decode(session, VOCABULARY, tokens));
        session.reset();
      }
    }
    Arrays.sort(errors);
    assertTrue(errors[errors.length / 2] < 1e-10, () -> "NMSE " + Arrays.toString(errors));
  }

  /** Two rows, the most that are multiplied as integers. */
  private static float[][] inPairs(Session session, int[] tokens) {
    float[][] logits = new float[0][];
    for (int i = 0; i < tokens.length; i += 2) {
      logits = Logits.append(logits, Logits.prefill(session, VOCABULARY, Arrays.copyOfRange(tokens, i, i + 2)));
    }
    return logits;
  }

  /** In blocks of 32, as finely as 16-bit sums allow: of all of a block for weights of 4 bits, else of two. */
  private static double[] rounded(double[] x, boolean nibbles) {
    double[] out = new double[x.length];
    for (int o = 0; o < x.length; o += 32) {
      double sum = 0;
      double pair = 0;
      for (int i = o; i < o + 32; i += 2) {
        double two = Math.abs(x[i]) + Math.abs(x[i + 1]);
        sum += two;
        pair = Math.max(pair, two);
      }
      double step = nibbles ? sum / 4078.5 : pair / 253.9f;
      for (int i = o; i < o + 32; i++) {
        out[i] = step == 0 ? 0 : Math.rint(x[i] / step) * step;
      }
    }
    return out;
  }

  private static boolean nibbles(DType type) {
    return type == DType.Q4_0 || type == DType.Q4_1 || type == DType.Q4_K;
  }

  private static boolean quantized(DType type) {
    return type.blockSize() > 1;
  }
}
