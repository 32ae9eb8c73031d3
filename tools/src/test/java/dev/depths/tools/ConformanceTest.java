package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The conformance set of the {@code mod.*} schema: logits and decisions of an independent PyTorch implementation. */
class ConformanceTest {
  private static final Path SET = Path.of("..", "loader", "conformance");

  static List<Path> cases() throws IOException {
    try (Stream<Path> files = Files.list(SET)) {
      List<Path> cases = files.filter(f -> f.toString().endsWith(".json")).sorted().toList();
      assertTrue(cases.size() > 40, "only " + cases.size() + " cases");
      return cases;
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void exactModeAgrees(Path file) throws IOException {
    assertAgrees(file, model(file));
  }

  /** Directories that a training code's own package saved, with what it computes of them. */
  @ParameterizedTest
  @ValueSource(strings = {"mixture-of-depth/golden.json", "mixture-of-depth/golden-short.json"})
  void exactModeAgreesWithPackages(Path file) throws IOException {
    Path golden = SET.resolve("packages").resolve(file);
    assertAgrees(golden, golden.getParent());
  }

  private static void assertAgrees(Path file, Path checkpoint) throws IOException {
    JsonNode expected = new ObjectMapper().readTree(file.toFile());
    int[] tokens = ints(expected.get("tokens"));
    int prompt = expected.has("prompt") ? expected.get("prompt").asInt() : tokens.length;
    try (Model model = Model.open(checkpoint, ModelOptions.defaults().withExact(true));
        Session session = model.newSession(SessionOptions.defaults().withRouting(routing(expected)))) {
      float[][] logits = new float[tokens.length][];
      session.prefill(Arrays.copyOf(tokens, prompt), (position, values) -> logits[position] = copy(model, values));
      for (int i = prompt; i < tokens.length; i++) {
        logits[i] = copy(model, session.decode(tokens[i]));
      }
      for (int i = 0; i < tokens.length; i++) {
        double[] golden = doubles(expected.get("logits").get(i));
        double nmse = nmse(golden, logits[i]);
        assertTrue(nmse <= 1e-6, "position " + i + ": NMSE " + nmse);
      }
      assertDecisions(expected.get("computed"), session);
    }
  }

  /** {@code case.json} and {@code case.causal.json} are both of {@code case.gguf}. */
  private static Path model(Path file) {
    return SET.resolve(file.getFileName().toString().replaceFirst("(\\.causal)?\\.json$", ".gguf"));
  }

  private static Routing routing(JsonNode expected) {
    return expected.hasNonNull("selection")
        ? Routing.model(Rule.valueOf(expected.get("selection").asText().toUpperCase(Locale.ROOT))) : Routing.model();
  }

  private static void assertDecisions(JsonNode computed, Session session) {
    for (Map.Entry<String, JsonNode> block : computed.properties()) {
      for (Map.Entry<String, JsonNode> part : block.getValue().properties()) {
        int[] positions = session.computedPositions(
            Integer.parseInt(block.getKey()), Part.valueOf(part.getKey().toUpperCase(Locale.ROOT)));
        assertArrayEquals(ints(part.getValue()), positions, "block " + block.getKey() + ", " + part.getKey());
      }
    }
  }

  private static float[] copy(Model model, float[] logits) {
    return Arrays.copyOf(logits, model.config().vocabulary());
  }

  private static int[] ints(JsonNode array) {
    return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
  }

  private static double[] doubles(JsonNode array) {
    return IntStream.range(0, array.size()).mapToDouble(i -> array.get(i).asDouble()).toArray();
  }

  /** Mean squared error over the variance of what is expected. */
  private static double nmse(double[] expected, float[] actual) {
    double mean = Arrays.stream(expected).average().orElseThrow();
    double error = 0;
    double variance = 0;
    for (int i = 0; i < expected.length; i++) {
      error += Math.pow(expected[i] - actual[i], 2);
      variance += Math.pow(expected[i] - mean, 2);
    }
    return error / variance;
  }
}
