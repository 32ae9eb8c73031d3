package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Generation;
import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import dev.depths.runtime.Sampling;
import dev.depths.runtime.Session;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The default model, dense and with an adapter, against an independent PyTorch implementation in f32 on the dequantised
 * weights; and fast mode against exact mode.
 */
class GoldenTest {
  private static final String[] TEXTS = {"lighthouse", "chat", "code", "long", "science", "unicode"};
  /** Decisions and choices closer than this may fall either way by rounding. */
  private static final double MARGIN = 1e-3;

  private static final Map<String, Model> MODELS = new HashMap<>();

  @BeforeAll
  static void open() throws IOException {
    ModelOptions dense = ModelOptions.defaults();
    ModelOptions mod = dense.withAdapter(Golden.adapter());
    var file = CachedModel.path();
    MODELS.put("dense", Model.open(file, dense.withExact(true)));
    MODELS.put("mod", Model.open(file, mod.withExact(true)));
    MODELS.put("dense-fast", Model.open(file, dense));
    MODELS.put("mod-fast", Model.open(file, mod));
  }

  @AfterAll
  static void close() {
    MODELS.values().forEach(Model::close);
  }

  static Stream<Golden> goldens() {
    return Stream.of("dense", "mod").flatMap(kind -> Arrays.stream(TEXTS).map(text -> Golden.read(kind, text)));
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void tokensAreTheSame(Golden golden) {
    int[] tokens = MODELS.get(golden.kind()).tokenizer().encode(golden.json().get("text").asText(), false, true);
    assertArrayEquals(golden.tokens(), tokens);
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void exactLogitsAreTheSame(Golden golden) {
    try (Session session = MODELS.get(golden.kind()).newSession()) {
      float[][] logits = logits(session, golden.tokens());
      assertTrue(nmse(logits[logits.length - 1], golden.lastLogits()) <= 1e-6);
      for (int p = 0; p < logits.length; p++) {
        int top = golden.json().get("top1").get(p).asInt();
        assertEquals(golden.json().get("top1_logit").get(p).asDouble(), logits[p][top], 1e-3, "position " + p);
        assertEquals(golden.json().get("logsumexp").get(p).asDouble(), logSumExp(logits[p]), 1e-3, "position " + p);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void exactRoutingIsTheSame(Golden golden) {
    JsonNode routing = golden.json().path("routing");
    assertEquals(golden.kind().equals("mod") ? 12 : 0, routing.size());
    try (Session session = MODELS.get(golden.kind()).newSession()) {
      session.prefill(golden.tokens());
      routing.properties().forEach(block -> {
        if (block.getValue().get("margin").asDouble() > MARGIN) {
          assertArrayEquals(Golden.ints(block.getValue().get("selected")),
              session.computedPositions(Integer.parseInt(block.getKey())), "block " + block.getKey());
        }
      });
    }
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void exactContinuationIsTheSame(Golden golden) {
    assertTrue(golden.json().get("greedy_margin").asDouble() > MARGIN);
    int[] greedy = Golden.ints(golden.json().get("greedy"));
    try (Session session = MODELS.get(golden.kind()).newSession()) {
      GenerateOptions options = new GenerateOptions(greedy.length, Sampling.greedy(), List.of(), true);
      Generation generation = session.generate(golden.tokens(), options, _ -> { });
      assertEquals(IntStream.of(greedy).boxed().toList(), generation.tokens());
    }
  }

  /**
   * Mean over all positions of all texts, prefilled in one go, and decoded token by token. The texts are short: of passes of up
   * to 24 rows, and tiles of as many, the activations are rounded to integers too, and now and then a decision falls otherwise.
   */
  @ParameterizedTest
  @ValueSource(strings = {"dense", "mod"})
  void fastModeStaysCloseToExactMode(String kind) {
    double prefill = 0;
    double decode = 0;
    int positions = 0;
    for (String text : TEXTS) {
      int[] tokens = Golden.read(kind, text).tokens();
      try (Session exact = MODELS.get(kind).newSession(); Session fast = MODELS.get(kind + "-fast").newSession()) {
        float[][] expected = logits(exact, tokens);
        float[][] prefilled = logits(fast, tokens);
        fast.reset();
        for (int p = 0; p < tokens.length; p++) {
          prefill += divergence(expected[p], prefilled[p]);
          decode += divergence(expected[p], fast.decode(tokens[p]));
        }
        positions += tokens.length;
      }
    }
    assertTrue(prefill / positions <= 0.005, "prefill: " + prefill / positions + " nats");
    assertTrue(decode / positions <= 0.005, "decode: " + decode / positions + " nats");
  }

  private static float[][] logits(Session session, int[] tokens) {
    float[][] logits = new float[tokens.length][];
    session.prefill(tokens, (position, row) -> logits[position] = row.clone());
    return logits;
  }

  private static double nmse(float[] actual, float[] expected) {
    double mean = 0;
    for (float e : expected) {
      mean += (double) e / expected.length;
    }
    double error = 0;
    double variance = 0;
    for (int i = 0; i < expected.length; i++) {
      error += Math.pow((double) actual[i] - expected[i], 2);
      variance += Math.pow(expected[i] - mean, 2);
    }
    return error / variance;
  }

  private static double logSumExp(float[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (float l : logits) {
      max = Math.max(max, l);
    }
    double sum = 0;
    for (float l : logits) {
      sum += Math.exp(l - max);
    }
    return max + Math.log(sum);
  }

  /** Kullback-Leibler divergence of q's distribution from p's, in nats. */
  private static double divergence(float[] p, float[] q) {
    double normP = logSumExp(p);
    double normQ = logSumExp(q);
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      double logP = p[i] - normP;
      sum += Math.exp(logP) * (logP - (q[i] - normQ));
    }
    return sum;
  }
}
