package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.depths.loader.DType;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModelConfig.Rope;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A sequence gives the same bits, and each block computes the same positions, however it is cut: one prefill, prefill in
 * chunks, several prefills, token by token, and any mixture. So in exact mode, and in fast mode with weights of floats;
 * with others a decode rounds its activations to integers.
 */
class ChunkingTest {
  private static final int CUTS = 6;

  static IntStream seeds() {
    return IntStream.range(0, 12);
  }

  @ParameterizedTest
  @MethodSource("seeds")
  void anyCutGivesTheSame(int seed) {
    Random random = new Random(seed);
    TinyModel tiny = model(random);
    int vocabulary = tiny.config().vocabulary();
    // Beyond one page of the cache and several heights of the register tile.
    int[] tokens = tiny.tokens(2 + random.nextInt(90), seed);
    ModelOptions mode = ModelOptions.defaults().withThreads(1 + seed % 3).withExact(seed % 2 == 0);
    try (Model model = tiny.open(mode);
        Session whole = model.newSession(); Session single = model.newSession()) {
      float[][] expected = Logits.prefill(whole, vocabulary, tokens);
      assertSame(expected, whole, Logits.decode(single, vocabulary, tokens), single, "token by token");
      for (int i = 0; i < CUTS; i++) {
        SessionOptions options = SessionOptions.defaults().withChunk(1 + random.nextInt(40));
        try (Session session = model.newSession(options)) {
          int[] cuts = cuts(random, tokens.length);
          float[][] actual = new float[0][];
          for (int c = 1; c < cuts.length; c++) {
            int[] part = Arrays.copyOfRange(tokens, cuts[c - 1], cuts[c]);
            actual = Logits.append(actual, part.length < 3 && random.nextBoolean()
                ? Logits.decode(session, vocabulary, part) : Logits.prefill(session, vocabulary, part));
          }
          assertSame(expected, whole, actual, session, "cut at " + Arrays.toString(cuts) + ", " + options);
          float[] last = expected[tokens.length - 1];
          session.reset();
          assertArrayEquals(last, Arrays.copyOf(session.prefill(tokens), vocabulary), "after a reset");
        }
      }
    }
  }

  /** Random sizes, layouts and routed blocks. */
  private static TinyModel model(Random random) {
    String[] architectures = {"llama", "mistral", "qwen2", "qwen3"};
    int kvHeads = 1 + random.nextInt(3);
    TinyModel.Shape shape = new TinyModel.Shape(architectures[random.nextInt(4)],
        Rope.Layout.values()[random.nextInt(2)], 2 + random.nextInt(3), 8 + random.nextInt(60), 5 + random.nextInt(80),
        kvHeads * (1 + random.nextInt(4)), kvHeads, 2 * (1 + random.nextInt(24)), 3 + random.nextInt(80),
        random.nextBoolean());
    DType[] types = {DType.F32, DType.F16, DType.BF16};
    TinyModel model = TinyModel.dense(shape, types[random.nextInt(3)], random.nextLong());
    Integer[] routed =
        IntStream.range(0, shape.blocks()).filter(_ -> random.nextInt(3) > 0).boxed().toArray(Integer[]::new);
    Combine[] combines = {Combine.ADD, Combine.SCORE, Combine.SIGMOID, Combine.TANH};
    return routed.length == 0 ? model
        : model.routed(combines[random.nextInt(4)], random.nextInt(4), random.nextBoolean(), routed);
  }

  private static int[] cuts(Random random, int n) {
    IntStream inner = IntStream.range(1, n).filter(_ -> random.nextInt(8) == 0);
    return Stream.of(IntStream.of(0), inner, IntStream.of(n)).flatMapToInt(s -> s).toArray();
  }

  private static void assertSame(float[][] expected, Session whole, float[][] actual, Session session, String message) {
    assertEquals(expected.length, actual.length, message);
    for (int i = 0; i < expected.length; i++) {
      assertArrayEquals(expected[i], actual[i], message + ", position " + i);
    }
    assertEquals(whole.counters().routed(), session.counters().routed(), message);
    assertEquals(whole.counters().blocksRun(), session.counters().blocksRun(), message);
    for (Counters.RoutedBlock routed : whole.counters().routed()) {
      int block = routed.block();
      assertArrayEquals(whole.computedPositions(block), session.computedPositions(block), message + ", block " + block);
    }
  }
}
