package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.runtime.Counters.RoutedPart;
import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Generation;
import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Sampling;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A small Mixture-of-Depths model that {@code tools/adapt/scratch} trained from scratch with top-k and a causal predictor, on a
 * text that it was not trained on: routing that was learned, against PyTorch's f32 on the dequantised weights.
 */
class TrainedModelTest {
  private static final Path FOLDER = Path.of("src", "test", "resources", "trained");

  private static JsonNode golden;
  private static int[] tokens;
  private static Model exact;
  private static Model fast;

  @BeforeAll
  static void open() throws IOException {
    golden = new ObjectMapper().readTree(FOLDER.resolve("small-mod.json").toFile());
    tokens = Golden.ints(golden.get("tokens"));
    Path file = FOLDER.resolve("small-mod.gguf");
    exact = Model.open(file, ModelOptions.defaults().withExact(true));
    fast = Model.open(file, ModelOptions.defaults());
  }

  @AfterAll
  static void close() {
    exact.close();
    fast.close();
  }

  @Test
  void tokensAreTheSame() {
    assertArrayEquals(tokens, exact.tokenizer().encode(golden.get("text").asText(), false, true));
  }

  @ParameterizedTest
  @EnumSource(value = Rule.class, names = {"TOPK", "PREDICTOR"})
  void lossesAndDecisionsAreTheSame(Rule rule) {
    JsonNode expected = golden.get("rules").get(rule.name().toLowerCase(Locale.ROOT));
    try (Session session = session(exact, Routing.model(rule))) {
      double[] losses = losses(session);
      for (int i = 0; i < losses.length; i++) {
        assertEquals(expected.get("losses").get(i).asDouble(), losses[i], 1e-3, "position " + i);
      }
      expected.get("computed").properties().forEach(block -> assertArrayEquals(
          Golden.ints(block.getValue()), session.computedPositions(Integer.parseInt(block.getKey())),
          "block " + block.getKey()));
    }
  }

  /** A model that knew how frequent tokens are, and nothing else, would lose the bound. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void predictsFarBetterThanFrequencies(boolean inExactMode) {
    try (Session session = session(inExactMode ? exact : fast, Routing.model())) {
      double loss = Arrays.stream(losses(session)).average().orElseThrow();
      double frequencies = golden.get("loss_of_frequencies").asDouble();
      assertTrue(loss < frequencies - 1, loss + " of " + frequencies + " nats");
    }
  }

  @Test
  void generatesSkippingAboutAsManyTokensAsItWasTrainedTo() {
    GenerateOptions options = GenerateOptions.defaults().withMaxTokens(150).withIgnoreEnd(true);
    int[] prompt = Arrays.copyOf(tokens, 100);
    try (Session session = session(fast, Routing.model()); Session again = session(fast, Routing.model())) {
      Sampling sampling = Sampling.defaults().withSeed(1);
      Generation generation = session.generate(prompt, options.withSampling(sampling), _ -> { });
      assertEquals(150, generation.generatedTokens());
      assertEquals(generation.tokens(), again.generate(prompt, options.withSampling(sampling), _ -> { }).tokens());
      List<RoutedPart> routed = session.counters().routed();
      assertEquals(exact.mod().orElseThrow().blocks().size(), routed.size());
      double share = (double) routed.stream().mapToLong(RoutedPart::tokensComputed).sum()
          / routed.stream().mapToLong(RoutedPart::tokensSeen).sum();
      double capacity = golden.get("capacity").asDouble();
      assertTrue(share > capacity / 3 && share < capacity * 2, "computed " + share + ", trained for " + capacity);
      for (RoutedPart part : routed) {
        assertTrue(session.kvBytes(part.block()) < session.kvBytes(0), "block " + part.block());
      }
    }
  }

  @Test
  void anyCutGivesTheSame() {
    float[][] whole;
    try (Session session = session(exact, Routing.model())) {
      whole = prefill(session, tokens);
    }
    for (int chunk : new int[] {7, 64}) {
      try (Session session = exact.newSession(SessionOptions.defaults().withChunk(chunk))) {
        assertArrayEquals(whole, prefill(session, tokens), "in chunks of " + chunk);
      }
    }
    try (Session session = session(exact, Routing.model())) {
      for (int i = 0; i < tokens.length; i++) {
        assertArrayEquals(whole[i], copy(session.decode(tokens[i])), "token by token, position " + i);
      }
    }
  }

  private static Session session(Model model, Routing routing) {
    return model.newSession(SessionOptions.defaults().withRouting(routing));
  }

  private static float[][] prefill(Session session, int... ids) {
    float[][] logits = new float[ids.length][];
    session.prefill(ids, (position, values) -> logits[position] = copy(values));
    return logits;
  }

  private static float[] copy(float[] logits) {
    return Arrays.copyOf(logits, exact.config().vocabulary());
  }

  /** Of each token but the first, in nats. */
  private static double[] losses(Session session) {
    float[][] logits = prefill(session, tokens);
    double[] losses = new double[tokens.length - 1];
    for (int i = 0; i < losses.length; i++) {
      double sum = 0;
      for (float logit : logits[i]) {
        sum += Math.exp(logit);
      }
      losses[i] = Math.log(sum) - logits[i][tokens[i + 1]];
    }
    return losses;
  }
}
