package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PackedMatrix;
import dev.depths.runtime.kernel.Packer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Fast mode for every type of weights, on models that are rougher than real ones: against exact mode within a stated
 * error, and against the {@link Reference} that rounds its activations as a decode does, much closer.
 */
class FastModeTest {
  /**
   * Rounding activations to steps of at most about 1/77 of their deviation, in Q5 and Q8, makes a mean square error of 1/12
   * of a step's square, 1.4e-5; what a projection makes of it depends on its weights.
   */
  private static final double ONE_ROUNDING = 3e-5;
  /** Four projections in each of three blocks and the last: random weights do not dampen what comes before. */
  private static final double ALL_ROUNDINGS = 7e-4;

  /** Keys and values are rounded to half floats, by a relative 2^-11 at most, whose square is 2.4e-7: in three blocks. */
  private static final double KEYS_AND_VALUES = 7e-7;

  private static final TinyModel.Shape SHAPE = TinyModel.EVEN;
  private static final int VOCABULARY = SHAPE.vocabulary();
  private static final int TOKENS = 12;
  /** Tokens of a tile for which the weights are unpacked. */
  private static final int LARGER = Kernels.MOST_GEMV_ROWS + 6;

  /**
   * Larger tiles multiply f32 with unpacked weights: all that differs from exact mode is roundings, those of keys and values
   * above all. Only the output projection, of one row at a time, rounds activations to integers.
   */
  @ParameterizedTest
  @EnumSource
  void prefill(DType type) {
    TinyModel tiny = TinyModel.dense(SHAPE, type, 1);
    int[] tokens = tiny.tokens(LARGER, 1);
    try (Model exact = tiny.exact(1); Model fast = tiny.fast();
        Session e = exact.newSession(); Session f = fast.newSession()) {
      float[][] expected = Logits.prefill(e, VOCABULARY, tokens);
      float[][] actual = Logits.prefill(f, VOCABULARY, tokens);
      Logits.assertClose(expected, actual, quantized(type) ? ONE_ROUNDING : KEYS_AND_VALUES);
    }
  }

  /** Weights of floats, outliers of bfloat16 in 12 bits among them, give a larger tile the bits that a decode has. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void prefillAsADecode(DType type) {
    TinyModel tiny = TinyModel.dense(SHAPE, type, 3);
    int[] tokens = tiny.tokens(LARGER, 3);
    try (Model fast = tiny.fast(); Session whole = fast.newSession(); Session single = fast.newSession()) {
      float[][] expected = Logits.decode(single, VOCABULARY, tokens);
      float[][] actual = Logits.prefill(whole, VOCABULARY, tokens);
      for (int i = 0; i < tokens.length; i++) {
        assertArrayEquals(expected[i], actual[i], "position " + i);
      }
    }
  }

  /** All projections of a decode, and of a tile of few rows, round their activations to integers. */
  @ParameterizedTest
  @EnumSource
  void decode(DType type) {
    TinyModel tiny = TinyModel.dense(SHAPE, type, 2);
    int[] tokens = tiny.tokens(TOKENS, 2);
    try (Model exact = tiny.exact(1); Model fast = tiny.fast();
        Session e = exact.newSession(); Session f = fast.newSession()) {
      float[][] expected = Logits.prefill(e, VOCABULARY, tokens);
      Logits.assertClose(expected, Logits.decode(f, VOCABULARY, tokens), quantized(type) ? ALL_ROUNDINGS : KEYS_AND_VALUES);
      f.reset();
      Logits.assertClose(expected, inPairs(f, tokens), quantized(type) ? ALL_ROUNDINGS : KEYS_AND_VALUES);
      f.reset();
      Logits.assertClose(expected, Logits.prefill(f, VOCABULARY, tokens), quantized(type) ? ALL_ROUNDINGS : KEYS_AND_VALUES);
    }
  }

  /**
   * An activation on the edge between two integers, or a key or value on that between two half floats, may fall to another
   * side than the reference's, and its error grows to what the rounding as such costs. How often that happens depends on the
   * order of the sums, and so on the width of vectors; a quarter of the sequences must agree, and those to the sums' own error.
   */
  @ParameterizedTest
  @EnumSource
  void decodeAgreesWithTheReferenceThatRounds(DType type) {
    TinyModel tiny = TinyModel.dense(SHAPE, type, 3);
    UnaryOperator<double[]> input = quantized(type) ? x -> rounded(x, type) : UnaryOperator.identity();
    Reference reference = new Reference(packed(tiny), input, Reference::halves);
    double[] errors = new double[8];
    try (Model fast = tiny.fast(); Session session = fast.newSession()) {
      for (int i = 0; i < errors.length; i++) {
        int[] tokens = tiny.tokens(2, i);
        errors[i] = Logits.nmse(reference.run(tokens).logits(), Logits.decode(session, VOCABULARY, tokens));
        session.reset();
      }
    }
    Arrays.sort(errors);
    assertTrue(errors[errors.length / 4] < 1e-10, () -> "NMSE " + Arrays.toString(errors));
  }

  /** The model with the weights that panels hold: the scales of the K types are rounded to half floats there. */
  private static TinyModel packed(TinyModel model) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    model.tensors().forEach((name, t) -> {
      boolean multiplied = t.shape().size() > 1 && !name.equals("token_embd.weight");
      tensors.put(name, multiplied && t.type().blockSize() > 1 ? packed(t) : t);
    });
    return new TinyModel(model.config(), tensors, model.mod());
  }

  private static Tensor packed(Tensor t) {
    int rows = (int) t.rows();
    PackedMatrix packed = Packer.allocate(Packer.formatOf(t.type()), rows, t.columns(), Arena.ofAuto());
    Packer.pack(t, row -> row, packed, 0, packed.panels());
    MemorySegment panel = Arena.ofAuto().allocate(128L * t.columns(), 64);
    MemorySegment weights = Arena.ofAuto().allocate(4L * rows * t.columns(), 32);
    for (int row = 0; row < rows; row++) {
      if (row % 32 == 0) {
        Kernels.select().unpack(packed, row / 32, 0, t.columns(), panel);
      }
      for (int i = 0; i < t.columns(); i++) {
        weights.setAtIndex(ValueLayout.JAVA_FLOAT, (long) row * t.columns() + i,
            panel.getAtIndex(ValueLayout.JAVA_FLOAT, 32L * i + row % 32));
      }
    }
    return new Tensor(t.name(), DType.F32, t.shape(), weights);
  }

  /** Two rows at a time, multiplied as integers too. */
  private static float[][] inPairs(Session session, int[] tokens) {
    float[][] logits = new float[0][];
    for (int i = 0; i < tokens.length; i += 2) {
      logits = Logits.append(logits, Logits.prefill(session, VOCABULARY, Arrays.copyOfRange(tokens, i, i + 2)));
    }
    return logits;
  }

  /** In blocks of 32, as finely as the 16-bit sums of the type's kernel allow. */
  private static double[] rounded(double[] x, DType type) {
    double[] out = new double[x.length];
    for (int o = 0; o < x.length; o += 32) {
      double step = switch (type) {
        case Q8_0 -> largestSum(x, o, 2) / 253.9;
        case Q6_K -> largestSum(x, o, 16) / 1014.5;
        case Q5_0, Q5_1, Q5_K -> largestSum(x, o, 32) / 2030.5;
        default -> largestSum(x, o, 32) / 4078.5;
      };
      for (int i = o; i < o + 32; i++) {
        out[i] = step == 0 ? 0 : Math.rint(x[i] / step) * step;
      }
    }
    return out;
  }

  /** The largest sum of magnitudes of {@code n} neighbours in a block. */
  private static double largestSum(double[] x, int block, int n) {
    double largest = 0;
    for (int i = block; i < block + 32; i += n) {
      largest = Math.max(largest, Arrays.stream(x, i, i + n).map(Math::abs).sum());
    }
    return largest;
  }

  private static boolean quantized(DType type) {
    return type.blockSize() > 1;
  }
}
