package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.GgufWriter;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against sums of the definitions, over logits that sessions give. */
class PerplexityCommandTest {
  /** No "he", so that a byte is a token. */
  private static final String TEXT = "Jackdaws love my big sphinx of quartz. Pack my box with five dozen jugs!";
  private static final double CLOSE = 1e-5;

  @TempDir
  static Path directory;

  private static Path model;
  private static Path other;
  private static Path withBos;

  @BeforeAll
  static void writeModels() throws IOException {
    model = TinyModel.write(directory, "model.gguf", TinyModel.random(TinyModel.routed(), 1));
    other = TinyModel.write(directory, "other.gguf", TinyModel.random(TinyModel.dense(), 2));
    withBos = TinyModel.write(directory, "bos.gguf",
        TinyModel.random(TinyModel.routed(), 1).put("tokenizer.ggml.add_bos_token", true));
  }

  private static CommandRun run(String text, Object... args) {
    return CommandRun.withInput(text,
        Stream.concat(Stream.of("perplexity", "-f", "-"), Arrays.stream(args)).toArray());
  }

  private static JsonNode json(String text, Object... args) throws IOException {
    CommandRun run = run(text, Stream.concat(Stream.of("-o", "json"), Arrays.stream(args)).toArray());
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.err());
    return new ObjectMapper().readTree(run.out());
  }

  private static void assertFails(String message, CommandRun run) {
    assertEquals(1, run.code(), run.err());
    assertEquals("", run.out());
    assertEquals("depths perplexity: " + message + "\n", run.err());
  }

  private static int[] bytes(String ascii) {
    return ascii.chars().map(c -> TinyModel.id((char) c)).toArray();
  }

  /** For each window the logits of its positions, one token computed at a time. */
  private static List<float[][]> logits(Path file, List<int[]> windows, Routing routing) throws IOException {
    List<float[][]> all = new ArrayList<>();
    try (Model opened = Model.open(file);
        Session session = opened.newSession(SessionOptions.defaults().withRouting(routing))) {
      for (int[] window : windows) {
        session.reset();
        all.add(Arrays.stream(window).mapToObj(session::decode)
            .map(row -> Arrays.copyOf(row, TinyModel.VOCABULARY)).toArray(float[][]::new));
      }
    }
    return all;
  }

  private static double[] probabilities(float[] logits) {
    double[] powers = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      powers[i] = Math.exp(logits[i]);
      sum += powers[i];
    }
    double total = sum;
    return Arrays.stream(powers).map(p -> p / total).toArray();
  }

  /** Of what follows each scored position: the last that has a successor and those before it, down to the middle. */
  private static List<Double> losses(List<int[]> windows, List<float[][]> logits) {
    List<Double> losses = new ArrayList<>();
    for (int w = 0; w < windows.size(); w++) {
      int[] window = windows.get(w);
      for (int target = window.length / 2 + 1; target < window.length; target++) {
        losses.add(-Math.log(probabilities(logits.get(w)[target - 1])[window[target]]));
      }
    }
    return losses;
  }

  private static void assertPerplexity(List<Double> losses, JsonNode result, String prefix) {
    double mean = losses.stream().mapToDouble(x -> x).average().orElseThrow();
    double squares = losses.stream().mapToDouble(x -> x * x).average().orElseThrow();
    double perplexity = Math.exp(mean);
    assertEquals(perplexity, result.get(prefix + "perplexity").asDouble(), CLOSE * perplexity);
    // llama-perplexity's way to put it.
    double error = losses.size() == 1 ? 0 : perplexity * Math.sqrt((squares - mean * mean) / (losses.size() - 1));
    assertEquals(error, result.get(prefix + "perplexity_stderr").asDouble(), CLOSE * perplexity);
  }

  @ParameterizedTest
  @CsvSource({"3, 512", "4, 512", "16, 512", "17, 5", "71, 20", "72, 512", "31, 1"})
  void secondHalvesOfWindowsAreScored(int context, int batch) throws IOException {
    int[] tokens = bytes(TEXT);
    List<int[]> windows = new ArrayList<>();
    for (int from = 0; from + context <= tokens.length; from += context) {
      windows.add(Arrays.copyOfRange(tokens, from, from + context));
    }
    List<Double> losses = losses(windows, logits(model, windows, Routing.model()));
    JsonNode result = json(TEXT, "-m", model, "-c", context, "-b", batch);
    assertEquals(windows.size(), result.get("n_chunks").asInt());
    assertEquals(losses.size(), result.get("n_scored").asInt());
    assertEquals(context, result.get("n_ctx").asInt());
    assertEquals(batch, result.get("n_batch").asInt());
    assertPerplexity(losses, result, "");
    assertFalse(result.has("reference"));
    assertFalse(result.has("kl_mean"));
  }

  /** Of all tokens of a window but the last, which is only predicted. */
  @ParameterizedTest
  @ValueSource(ints = {512, 5})
  void topKChoosesAmongWholeWindows(int batch) throws IOException {
    List<int[]> windows = Stream.of(0, 17, 34, 51).map(from -> Arrays.copyOfRange(bytes(TEXT), from, from + 17)).toList();
    List<float[][]> logits = new ArrayList<>();
    try (Model opened = Model.open(model);
        Session session = opened.newSession(SessionOptions.defaults().withRouting(Routing.model(Rule.TOPK)))) {
      for (int[] window : windows) {
        float[][] rows = new float[16][];
        session.reset();
        session.prefill(Arrays.copyOf(window, 16),
            (position, row) -> rows[position] = Arrays.copyOf(row, TinyModel.VOCABULARY));
        logits.add(rows);
      }
    }
    JsonNode result = json(TEXT, "-m", model, "-c", 17, "-b", batch, "--routing", "topk", "--reference", "exact");
    assertEquals(32, result.get("n_scored").asInt());
    assertPerplexity(losses(windows, logits), result, "");
    assertEquals(0, result.get("kl_mean").asDouble(), CLOSE);
  }

  /** The text begins with the token, which counts; in further windows it takes the first one's place. */
  @Test
  void windowsBeginWithTheBeginningOfTextIfTheModelAsksForIt() throws IOException {
    int[] text = bytes(TEXT);
    int[] first = new int[24];
    System.arraycopy(text, 0, first, 1, 23);
    first[0] = TinyModel.TURN_START;
    int[] second = Arrays.copyOfRange(text, 23, 47);
    second[0] = TinyModel.TURN_START;
    int[] third = Arrays.copyOfRange(text, 47, 71);
    third[0] = TinyModel.TURN_START;
    List<int[]> windows = List.of(first, second, third);
    JsonNode result = json(TEXT, "-m", withBos, "--ctx", 24);
    assertEquals(3, result.get("n_chunks").asInt());
    assertPerplexity(losses(windows, logits(withBos, windows, Routing.model())), result, "");
  }

  /** A random choice is the same in passes of the same size. */
  @ParameterizedTest
  @ValueSource(strings = {"dense", "random:0.5:7", "random:0"})
  void routingIsAsAskedFor(String routing) throws IOException {
    List<int[]> windows = List.of(Arrays.copyOf(bytes(TEXT), 32));
    Routing asked = switch (routing) {
      case "dense" -> Routing.dense();
      case "random:0" -> Routing.random(0, 0);
      default -> Routing.random(0.5, 7);
    };
    JsonNode result = json(TEXT, "-m", model, "-c", 32, "--chunks", 1, "-b", 1, "--routing", routing);
    assertPerplexity(losses(windows, logits(model, windows, asked)), result, "");
    assertEquals(routing, result.get("routing").asText());
    double routed = json(TEXT, "-m", model, "-c", 32, "--chunks", 1).get("perplexity").asDouble();
    assertTrue(Math.abs(routed - result.get("perplexity").asDouble()) > 0.1);
  }

  @ParameterizedTest
  @CsvSource({"24, 512", "24, 1", "25, 7", "24, 5"})
  void divergencesAreFromTheReferencesDistribution(int context, int batch) throws IOException {
    int[] tokens = bytes(TEXT);
    List<int[]> windows =
        List.of(Arrays.copyOf(tokens, context), Arrays.copyOfRange(tokens, context, 2 * context));
    List<float[][]> tested = logits(model, windows, Routing.model());
    List<float[][]> reference = logits(other, windows, Routing.model());
    List<Double> divergences = new ArrayList<>();
    int same = 0;
    for (int w = 0; w < 2; w++) {
      for (int position = context / 2; position < context - 1; position++) {
        double[] p = probabilities(reference.get(w)[position]);
        double[] q = probabilities(tested.get(w)[position]);
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
          sum += p[i] * Math.log(p[i] / q[i]);
        }
        divergences.add(sum);
        same += top(p) == top(q) ? 1 : 0;
      }
    }
    JsonNode result =
        json(TEXT, "-m", model, "-c", context, "-b", batch, "--chunks", 2, "--reference", other);
    assertPerplexity(losses(windows, tested), result, "");
    assertPerplexity(losses(windows, reference), result, "reference_");
    assertEquals(other.toString(), result.get("reference").asText());
    assertEquals(divergences.stream().mapToDouble(d -> d).average().orElseThrow(), kl(result, "mean"), CLOSE);
    Collections.sort(divergences);
    int n = divergences.size();
    assertEquals((divergences.get((n - 1) / 2) + divergences.get(n / 2)) / 2, kl(result, "median"), CLOSE);
    assertEquals(divergences.getLast(), kl(result, "max"), CLOSE);
    assertTrue(kl(result, "p99") > divergences.get(n - 2) && kl(result, "p99") < kl(result, "max"));
    assertEquals((double) same / n, result.get("same_top").asDouble(), 1e-12);
  }

  private static double kl(JsonNode result, String statistic) {
    return result.get("kl_" + statistic).asDouble();
  }

  private static int top(double[] probabilities) {
    int top = 0;
    for (int i = 1; i < probabilities.length; i++) {
      top = probabilities[i] > probabilities[top] ? i : top;
    }
    return top;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 6, 512})
  void nothingDivergesFromItself(int batch) throws IOException {
    JsonNode result = json(TEXT, "-m", model, "-c", 20, "-b", batch, "--reference", model);
    for (String statistic : List.of("mean", "mean_stderr", "median", "p99", "max")) {
      assertEquals(0, kl(result, statistic), statistic);
    }
    assertEquals(1, result.get("same_top").asDouble());
    assertEquals(result.get("perplexity"), result.get("reference_perplexity"));
    assertEquals(result.get("perplexity_stderr"), result.get("reference_perplexity_stderr"));
  }

  /** These weights are not quantised, so that only roundings differ, mostly of keys and values. */
  @ParameterizedTest
  @ValueSource(strings = {"model", "dense", "random:0.5:7"})
  void exactReferenceRoutesAsTheModelDoes(String routing) throws IOException {
    JsonNode result = json(TEXT, "-m", model, "-c", 20, "-b", 1, "--routing", routing, "--reference", "exact");
    assertTrue(kl(result, "max") < 1e-5, result.toString());
    assertEquals(1, result.get("same_top").asDouble());
    assertFalse(result.get("exact").asBoolean());
  }

  @Test
  void fileRoutesAsItsRoutersSay() throws IOException {
    double routed = json(TEXT, "-m", model, "-c", 20).get("perplexity").asDouble();
    JsonNode result = json(TEXT, "-m", model, "-c", 20, "--routing", "random:0.5", "--reference", model);
    assertEquals(routed, result.get("reference_perplexity").asDouble(), 1e-12);
    assertTrue(kl(result, "mean") > 0.01, result.toString());
  }

  @Test
  void exactModeIsToldInTheResult() throws IOException {
    JsonNode result = json(TEXT, "-m", model, "-c", 20, "--exact", "--reference", "exact");
    assertTrue(result.get("exact").asBoolean());
    assertEquals(0, kl(result, "max"));
    assertTrue(run(TEXT, "-m", model, "-c", 20, "--exact").out().contains(", exact |"));
  }

  /** The real model's weights are quantised: few tokens are computed with rounded activations, more than 24 are not. */
  @Test
  void fastAndExactDifferMostTokenByToken() throws IOException {
    Path real = CachedModel.path();
    String text;
    try (InputStream in = PerplexityCommand.class.getResourceAsStream("bench.txt")) {
      text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    Object[] args = {"-m", real, "--adapter", DefaultModel.adapter(), "-c", 160, "--chunks", 2, "--reference", "exact"};
    JsonNode many = json(text, args);
    JsonNode single = json(text, Stream.concat(Arrays.stream(args), Stream.of("-b", 1)).toArray());
    assertTrue(kl(many, "mean") > 0 && kl(many, "mean") < kl(single, "mean"), many + " " + single);
    assertTrue(kl(single, "mean") <= 0.005, single.toString());
    assertTrue(single.get("same_top").asDouble() > 0.9, single.toString());
    assertEquals(many.get("reference_perplexity").asDouble(), single.get("reference_perplexity").asDouble(), 1e-3);
    assertTrue(single.get("model_type").asText().endsWith(" MoD"), single.toString());
  }

  @Test
  void chunksLimitTheWindows() throws IOException {
    assertEquals(2, json(TEXT, "-m", model, "-c", 20, "--chunks", 2).get("n_chunks").asInt());
    assertEquals(3, json(TEXT, "-m", model, "-c", 20, "--chunks", 99).get("n_chunks").asInt());
  }

  @Test
  void textIsTakenAsItIs() throws IOException {
    // As a special token it would be one token; so its characters are.
    String text = "<|im_end|>\n";
    Path file = Files.writeString(directory.resolve("text"), text);
    CommandRun run = CommandRun.of("perplexity", "-m", model, "-f", file, "-c", text.length());
    assertEquals(0, run.code(), run.err());
    assertFails("the text has 11 tokens, too few for one window of 12 (--ctx)",
        CommandRun.of("perplexity", "-m", model, "-f", file, "-c", text.length() + 1));
  }

  @Test
  void tablesForPeople() {
    CommandRun run = run(TEXT, "-m", model, "-c", 20, "--reference", other);
    assertEquals(0, run.code(), run.err());
    List<String> lines = run.out().lines().toList();
    assertEquals(7, lines.size(), run.out());
    assertEquals(List.of("model", "routing", "ctx", "batch", "windows", "tokens", "perplexity"), cells(lines.get(0)));
    List<String> cells = cells(lines.get(2));
    assertEquals(List.of("llama 0M F32 MoD", "model", "20", "512", "3", "27"), cells.subList(0, 6));
    assertTrue(cells.getLast().matches("\\d+\\.\\d{4} ± \\d+\\.\\d{4}"), cells.getLast());
    assertEquals("", lines.get(3));
    assertEquals("reference", cells(lines.get(4)).getFirst());
    assertEquals("other.gguf", cells(lines.get(6)).getFirst());
    assertTrue(cells(lines.get(6)).getLast().matches("\\d+\\.\\d\\d %"), run.out());
    for (int first : List.of(0, 4)) {
      assertEquals(lines.get(first).length(), lines.get(first + 1).length());
      assertEquals(lines.get(first).length(), lines.get(first + 2).length());
    }
    assertEquals(3, run(TEXT, "-m", model, "-c", 20).out().lines().count());
  }

  private static List<String> cells(String row) {
    return Arrays.stream(row.substring(1, row.length() - 1).split("\\|")).map(String::strip).toList();
  }

  @Test
  void emptyTextIsTooShort() {
    assertFails("the text has 0 tokens, too few for one window of 20 (--ctx)", run("", "-m", model, "-c", 20));
    assertFails("the text has 1 tokens, too few for one window of 20 (--ctx)", run("", "-m", withBos, "-c", 20));
  }

  @Test
  void windowBeyondTheContextIsAnError() throws IOException {
    assertFails("--ctx 257 is beyond the model's context of 256 tokens", run(TEXT, "-m", model, "-c", 257));
    Path small = TinyModel.write(directory, "small.gguf", TinyModel.dense().put("llama.context_length", 16));
    assertFails("--ctx 20 is beyond the reference's context of 16 tokens",
        run(TEXT, "-m", model, "-c", 20, "--reference", small));
  }

  @Test
  void longestWindowFits() throws IOException {
    String text = TEXT.repeat(4).substring(0, TinyModel.CONTEXT);
    assertEquals(127, json(text, "-m", model, "-c", TinyModel.CONTEXT).get("n_scored").asInt());
  }

  @Test
  void referenceNeedsTheSameVocabulary() throws IOException {
    GgufWriter renamed = TinyModel.dense();
    List<String> tokens = new ArrayList<>(List.of("<|endoftext|>", "<|im_start|>", "<|turn_end|>"));
    try (Model opened = Model.open(model)) {
      for (int token = tokens.size(); token < TinyModel.VOCABULARY; token++) {
        tokens.add(opened.tokenizer().piece(token));
      }
    }
    Path file = TinyModel.write(directory, "renamed.gguf", renamed.put("tokenizer.ggml.tokens", tokens));
    assertFails("the reference's vocabulary is another: its token 2 is '<|turn_end|>', the model's '<|im_end|>'",
        run(TEXT, "-m", model, "-c", 20, "--reference", file));
  }

  @Test
  void referenceNeedsAVocabularyOfTheSameSize() throws IOException {
    Path real = CachedModel.path();
    assertFails("the reference's vocabulary has 49152 tokens, the model's " + TinyModel.VOCABULARY,
        run(TEXT, "-m", model, "-c", 20, "--reference", real));
  }

  @Test
  void unusableReferenceIsAnError() {
    Path missing = directory.resolve("missing.gguf");
    assertFails(missing + ": no such file or directory", run(TEXT, "-m", model, "-c", 20, "--reference", missing));
  }

  @Test
  void whatIsNoTextIsAnError() throws IOException {
    Path file = Files.write(directory.resolve("latin1"), new byte[] {'a', (byte) 0xE9, 'b'});
    assertFails(file + ": byte 1: not UTF-8 text", CommandRun.of("perplexity", "-m", model, "-f", file));
    Files.write(file, new byte[] {'a', (byte) 0xC3});
    assertFails(file + ": byte 1: not UTF-8 text", CommandRun.of("perplexity", "-m", model, "-f", file));
  }

  @Test
  void modelThatDoesNotComputeIsAnError() throws IOException {
    float[] norm = new float[288];
    Arrays.fill(norm, Float.POSITIVE_INFINITY);
    Path broken = TinyModel.write(directory, "broken.gguf", TinyModel.dense().tensor("output_norm.weight", norm, 288));
    CommandRun run = run(TEXT, "-m", broken, "-c", 20);
    assertEquals(1, run.code());
    assertTrue(run.err().matches("depths perplexity: a model's logit for token \\d+ is \\S+\\R"), run.err());
  }
}
