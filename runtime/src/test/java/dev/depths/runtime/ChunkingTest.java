package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.depths.loader.DType;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Bypass;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Rounding;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Ties;
import dev.depths.loader.ModDescriptor.Unit;
import dev.depths.loader.ModelConfig.Rope;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/**
 * A sequence gives the same bits, and each block computes the same positions, however it is cut: one prefill, prefill in
 * chunks, several prefills, token by token, and any mixture. So under every causal selection, in exact mode, and in fast mode
 * with weights of floats; with others a decode rounds its activations to integers.
 */
class ChunkingTest {
  private static final int CUTS = 4;

  @Property(tries = 40, shrinking = ShrinkingMode.OFF)
  void anyCutGivesTheSame(@ForAll("descriptors") ModDescriptor mod, @ForAll long seed) {
    Random random = new Random(seed);
    TinyModel dense = TinyModel.dense(shape(random), DType.F32, seed);
    assertAnyCutGivesTheSame(dense.routed(mod, random.nextBoolean(), seed), random, true);
  }

  @Property(tries = 10, shrinking = ShrinkingMode.OFF)
  void inFastModeToo(@ForAll("descriptors") ModDescriptor mod, @ForAll long seed) {
    Random random = new Random(seed);
    DType[] types = {DType.F32, DType.F16, DType.BF16};
    TinyModel dense = TinyModel.dense(shape(random), types[random.nextInt(3)], seed);
    assertAnyCutGivesTheSame(dense.routed(mod, random.nextBoolean(), seed), random, false);
  }

  private static void assertAnyCutGivesTheSame(TinyModel tiny, Random random, boolean exact) {
    int vocabulary = tiny.config().vocabulary();
    // Beyond one page of the cache and several heights of the register tile.
    int[] tokens = tiny.tokens(2 + random.nextInt(90), random.nextLong());
    try (Model model = tiny.open(ModelOptions.defaults().withThreads(1 + random.nextInt(3)).withExact(exact));
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

  /** All that a descriptor may say, under a causal rule, of a model of {@link #shape}. */
  @Provide
  Arbitrary<ModDescriptor> descriptors() {
    Arbitrary<List<Integer>> blocks =
        Arbitraries.integers().between(0, 2).set().ofMinSize(1).map(ids -> ids.stream().sorted().toList());
    Arbitrary<Router> routers = Combinators.combine(Arbitraries.of(Router.Form.class),
        Arbitraries.of(Router.Activation.class), Arbitraries.of(false, true), Arbitraries.of(false, true),
        Arbitraries.of(0.0, 0.2, -0.3)).as(Router::new);
    Arbitrary<Combine> combines =
        Combinators.combine(Arbitraries.of(Combine.Form.class), Arbitraries.of(Combine.Gate.class)).as(Combine::new);
    return blocks.flatMap(ids -> Combinators.combine(Arbitraries.of(Part.class), routers, selections(ids.size()), combines,
        Arbitraries.of(Positions.class), Arbitraries.of(SkippedKv.class), Arbitraries.of(Bypass.class))
        .as((part, router, selection, combine, positions, kv, bypass) ->
            new ModDescriptor(ids, combine.form().gatesMlp() ? Part.BLOCK : part, Unit.TOKEN, router, selection, combine,
                positions, kv, bypass, 0)));
  }

  private static Arbitrary<Selection> selections(int blocks) {
    return Combinators.combine(Arbitraries.of(Rule.THRESHOLD, Rule.PREDICTOR),
        Arbitraries.of(0.35, 0.5, 0.6).list().ofSize(blocks),
        Arbitraries.of(false, true), Arbitraries.integers().between(0, 3)).as((rule, thresholds, inclusive, initial) ->
            new Selection(rule, rule, List.of(), Rounding.FLOOR, 1, 0, Ties.FIRST, thresholds, OptionalDouble.empty(),
                inclusive, initial));
  }

  /** Random sizes and layouts of three blocks. */
  private static TinyModel.Shape shape(Random random) {
    String[] architectures = {"llama", "mistral", "qwen2", "qwen3"};
    int kvHeads = 1 + random.nextInt(3);
    return new TinyModel.Shape(architectures[random.nextInt(4)], Rope.Layout.values()[random.nextInt(2)], 3,
        8 + random.nextInt(60), 5 + random.nextInt(80), kvHeads * (1 + random.nextInt(4)), kvHeads,
        2 * (1 + random.nextInt(24)), 3 + random.nextInt(80), random.nextBoolean());
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
    for (Counters.RoutedPart routed : whole.counters().routed()) {
      assertArrayEquals(whole.computedPositions(routed.block(), routed.part()),
          session.computedPositions(routed.block(), routed.part()), message + ", " + routed);
    }
  }
}
