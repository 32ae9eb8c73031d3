package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.Adapter;
import dev.depths.loader.Calibration;
import dev.depths.loader.Checkpoint;
import dev.depths.loader.GgufWriter;
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
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Calibrates small models of random weights, whose routers score each byte of a text differently. */
class CalibrateCommandTest {
  private static final String TEXT = "Jackdaws love my big sphinx of quartz. Pack my box with five dozen jugs! "
      + "How vexingly quick daft zebras jump; sixty zippers were quickly picked from a woven jute bag.";

  @TempDir
  static Path directory;

  private static Path model;
  private static Path text;

  @BeforeAll
  static void write() throws IOException {
    model = TinyModel.write(directory, "model.gguf", routed());
    text = Files.writeString(directory.resolve("text.txt"), TEXT);
  }

  private static GgufWriter routed() {
    return TinyModel.random(TinyModel.routed(), 1).tensor("blk.1.mod_router.weight", scores(), 1, TinyModel.EMBEDDING);
  }

  /** The weights of a router. */
  private static float[] scores() {
    Random random = new Random(3);
    float[] router = new float[TinyModel.EMBEDDING];
    for (int i = 0; i < router.length; i++) {
      router[i] = (float) random.nextGaussian();
    }
    return router;
  }

  private static CommandRun run(Object... more) {
    return CommandRun.of(Stream.concat(Stream.of("calibrate", "-f", text, "-c", "40", "-r", "1",
        "--capacities", "1,0.75,0.5,0.25"), Arrays.stream(more)).toArray());
  }

  private static Calibration calibration(Path file) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      return checkpoint.calibration().orElseThrow();
    }
  }

  /** The windows' share of computed decisions, asked of a session; nothing is predicted from their last tokens. */
  private static double share(Path file, double threshold) throws IOException {
    try (Model opened = Model.open(file); Session session = opened.newSession(
        SessionOptions.defaults().withRouting(Routing.thresholds(Rule.THRESHOLD, List.of(threshold))))) {
      TextWindows windows = TextWindows.of(TEXT, opened.tokenizer(), 40, 8);
      long run = 0;
      for (int w = 0; w < windows.count(); w++) {
        session.reset();
        session.prefill(Arrays.copyOf(windows.window(w), 39));
        run += session.counters().routed().getFirst().tokensComputed();
      }
      return run / (39.0 * windows.count());
    }
  }

  @Test
  void capacitiesAreHitAndTheTableIsKept() throws IOException {
    Path out = directory.resolve("calibrated.gguf");
    byte[] before = Files.readAllBytes(model);
    CommandRun run = run("-m", model, "-o", out, "--json");
    assertEquals(0, run.code(), run.err());
    assertTrue(Arrays.equals(before, Files.readAllBytes(model)));
    String wrote = "wrote \\Q" + out + "\\E\\Rwrote \\Q" + CacheDirectory.speeds() + "\\E\\S+\\.json\\R";
    assertTrue(run.err().matches(wrote), run.err());
    Calibration calibration = calibration(out);
    assertEquals(Rule.THRESHOLD, calibration.rule());
    assertEquals("text.txt", calibration.text());
    assertEquals(4 * 19, calibration.tokens());
    assertEquals(List.of(0.25, 0.5, 0.75, 1.0), calibration.rows().stream().map(Calibration.Row::capacity).toList());
    for (Calibration.Row row : calibration.rows()) {
      assertEquals(row.capacity(), row.blocksRun(), 0.03);
      assertEquals(share(out, row.thresholds().getFirst()), row.blocksRun(), 1e-12);
    }
    Calibration.Row all = calibration.rows().getLast();
    assertEquals(0, all.kl(), 1e-6);
    assertEquals(calibration.densePerplexity(), all.perplexity(), 1e-6);
    assertTrue(calibration.rows().getFirst().kl() > 0.01);
    assertTrue(calibration.rows().getFirst().bytesRead() < all.bytesRead());
    JsonNode inspected = new ObjectMapper().readTree(CommandRun.of("inspect", "--json", out).out());
    assertEquals(calibration.rows().getFirst().kl(), inspected.get("calibration").get("kl").get(0).asDouble());
    assertTrue(CommandRun.of("inspect", out).out().contains("[0.25, 0.5, 0.75, 1]"));
    JsonNode json = new ObjectMapper().readTree(run.out());
    assertEquals(calibration.rows().getFirst().kl(), json.get("rows").get(3).get("kl").asDouble());
    assertTrue(json.get("rows").get(0).get("decode_ms").asDouble() > 0);
  }

  /** The same numbers as perplexity gives for the same setting. */
  @Test
  void numbersAreThoseOfPerplexity() throws IOException {
    Path out = directory.resolve("same.gguf");
    assertEquals(0, run("-m", model, "-o", out).code());
    Calibration.Row row = calibration(out).rows().get(1);
    Path set = TinyModel.write(directory, "set.gguf", routed().put("mod.threshold", row.thresholds().getFirst()));
    Path dense = directory.resolve("dense.gguf");
    TinyModel.random(TinyModel.dense(), 1).write(dense);
    for (List<Object> measured : List.<List<Object>>of(List.of("-m", set), List.of("-m", out, "--capacity", row.capacity()))) {
      CommandRun perplexity = CommandRun.of(Stream.concat(
          Stream.of("perplexity", "-f", text, "-c", "40", "--reference", dense, "-o", "json"), measured.stream()).toArray());
      assertEquals(0, perplexity.code(), perplexity.err());
      JsonNode json = new ObjectMapper().readTree(perplexity.out());
      assertEquals(json.get("perplexity").asDouble(), row.perplexity(), 1e-6 * row.perplexity());
      assertEquals(json.get("kl_mean").asDouble(), row.kl(), 1e-5);
    }
  }

  @Test
  void perplexityKeepsNoTime() {
    for (List<String> wish : List.of(List.of("--budget", "8ms"), List.of("--capacity", "0.5", "--routing", "dense"))) {
      CommandRun run = CommandRun.of(Stream.concat(Stream.of("perplexity", "-m", model, "-f", text), wish.stream()).toArray());
      assertEquals(2, run.code());
      assertTrue(run.err().contains(wish.getFirst()), run.err());
    }
  }

  @Test
  void wishesAreMetByWhatWasCalibrated() throws IOException {
    Path out = Files.copy(model, directory.resolve("dialled.gguf"));
    assertEquals(0, run("-m", out).code());
    CommandRun half = CommandRun.of("generate", "-m", out, "--temp", "0", "-n", "8", "--json", "--capacity", "0.5", TEXT);
    assertEquals(0, half.code(), half.err());
    JsonNode dial = new ObjectMapper().readTree(half.out()).get("dial");
    assertEquals(0.5, dial.get("capacity").asDouble(), 1e-12);
    assertTrue(dial.get("met").asBoolean());
    assertTrue(half.err().contains("%  capacity (--capacity 0.5): expected KL "), half.err());
    // On the text itself.
    JsonNode routing = new ObjectMapper().readTree(half.out()).get("routing").get(0);
    assertEquals(0.5, routing.get("tokens_computed").asDouble() / routing.get("tokens_seen").asDouble(), 0.1);

    CommandRun low = CommandRun.of("generate", "-m", out, "-n", "2", "--capacity", "0.01", "abc");
    assertEquals(0, low.code(), low.err());
    assertTrue(low.err().startsWith("note: --capacity 0.01 cannot be met; the nearest is "), low.err());
    CommandRun fast = CommandRun.of("generate", "-m", out, "-n", "2", "--speedup", "1000", "abc");
    assertEquals(0, fast.code(), fast.err());
    assertTrue(fast.err().startsWith("note: --speedup 1000 cannot be met; the nearest is "), fast.err());
    CommandRun exact = CommandRun.of("generate", "-m", out, "-n", "2", "--max-kl", "0", "abc");
    assertEquals(0, exact.code(), exact.err());
    assertTrue(exact.err().contains("capacity (--max-kl 0): expected KL 0.0000"), exact.err());
  }

  @Test
  void budgetsAreReported() throws IOException {
    Path out = Files.copy(model, directory.resolve("budget.gguf"));
    assertEquals(0, run("-m", out).code());
    CommandRun run = CommandRun.of("generate", "-m", out, "--ignore-eos", "-n", "20", "--json", "--budget", "100ms", "abc");
    assertEquals(0, run.code(), run.err());
    JsonNode budget = new ObjectMapper().readTree(run.out()).get("dial").get("budget");
    assertEquals(100, budget.get("ms").asDouble());
    assertEquals(19, budget.get("tokens").asInt());
    assertTrue(run.err().contains(" ms per token on average, of 100.00; capacity "), run.err());
    CommandRun bounded = CommandRun.of(
        "generate", "-m", out, "--ignore-eos", "-n", "20", "--json", "--budget", "0.000001", "--max-kl", "0", "abc");
    assertEquals(0, bounded.code(), bounded.err());
    assertTrue(bounded.err().startsWith("note: --budget 0.000001 --max-kl 0 cannot be met"), bounded.err());
    assertEquals(0, new ObjectMapper().readTree(bounded.out()).get("dial").get("expected_kl").asDouble(), 1e-6);
    CommandRun chat = CommandRun.withInput("abc\n", "chat", "-m", out, "-n", "4", "--budget", "100");
    assertEquals(0, chat.code(), chat.err());
    assertTrue(chat.err().contains("capacity (--budget 100): expected KL"), chat.err());
  }

  @Test
  void speedsAloneCanBeMeasuredAgain() throws IOException {
    Path out = Files.copy(model, directory.resolve("speed.gguf"));
    assertEquals(0, run("-m", out).code());
    Calibration before = calibration(out);
    int more = Runtime.getRuntime().availableProcessors() + 1;
    try (Model opened = Model.open(out, ModelOptions.defaults().withThreads(more))) {
      Files.deleteIfExists(SpeedsFile.path(opened)); // of an earlier run of the tests
    }
    String threads = Integer.toString(more);
    CommandRun unmeasured = CommandRun.of("generate", "-m", out, "-n", "2", "-t", threads, "--speedup", "1.01", "abc");
    assertEquals(0, unmeasured.code(), unmeasured.err());
    assertTrue(unmeasured.err().startsWith("note: the speed of this model was not measured on this machine with " + threads),
        unmeasured.err());
    CommandRun again = CommandRun.of("calibrate", "-m", out, "--speed-only", "-r", "1", "-t", threads);
    assertEquals(0, again.code(), again.err());
    assertEquals(before, calibration(out));
    CommandRun measured = CommandRun.of("generate", "-m", out, "-n", "2", "-t", threads, "--speedup", "0.01", "abc");
    assertTrue(measured.err().contains(" times dense speed"), measured.err());
    assertFalse(measured.err().contains("note: the speed"), measured.err());
    try (Model opened = Model.open(out)) {
      Path file = SpeedsFile.path(opened);
      Files.writeString(file, "{}");
      CommandRun broken = CommandRun.of("generate", "-m", out, "-n", "2", "--speedup", "1.1", "abc");
      assertEquals(1, broken.code());
      assertTrue(broken.err().startsWith("depths generate: " + file + ": holds no speeds: "), broken.err());
      Files.delete(file);
    }
  }

  @Test
  void benchTellsTheExpectedDivergence() throws IOException {
    Path out = Files.copy(model, directory.resolve("bench.gguf"));
    assertEquals(0, run("-m", out).code());
    CommandRun run = CommandRun.of("bench", "-m", out, "-p", "8", "-n", "0", "-r", "1", "--no-warmup", "-o", "json",
        "--routing", "dense", "--max-kl", "1000");
    assertEquals(0, run.code(), run.err());
    Calibration.Row row = calibration(out).rows().getFirst();
    JsonNode rows = new ObjectMapper().readTree(run.out());
    assertTrue(rows.get(0).get("expected_kl").isNull());
    assertEquals("max-kl:1000", rows.get(1).get("routing").asText());
    assertEquals(row.kl(), rows.get(1).get("expected_kl").asDouble());
    assertTrue(run.err().startsWith("--max-kl 1000: capacity "), run.err());
  }

  /** An adapter's reference is the model without it; the table goes into the adapter. */
  @Test
  void adaptersCarryTheTable() throws IOException {
    Path base = TinyModel.write(directory, "base.gguf", TinyModel.random(TinyModel.dense(), 1));
    Path adapter = TinyModel.write(directory, "adapter.gguf", new GgufWriter().put("general.type", "adapter")
        .put("mod.version", 1).put("mod.blocks", List.of(1)).put("mod.router", "linear").put("mod.selection", "threshold")
        .put("mod.combine", "x+f").tensor("blk.1.mod_router.weight", scores(), 1, TinyModel.EMBEDDING));
    CommandRun run = run("-m", base, "--adapter", adapter);
    assertEquals(0, run.code(), run.err());
    try (Adapter opened = Adapter.open(adapter)) {
      Calibration calibration = opened.calibration().orElseThrow();
      assertEquals(1, calibration.rows().getLast().blocksRun());
      assertEquals(0, calibration.rows().getLast().kl(), 1e-6);
    }
    CommandRun dialled = CommandRun.of("generate", "-m", base, "--adapter", adapter, "-n", "2", "--max-kl", "0.1", "abc");
    assertEquals(0, dialled.code(), dialled.err());
    assertTrue(dialled.err().contains("capacity (--max-kl 0.1): expected KL"), dialled.err());
  }

  @Test
  void contradictionsAreUsageErrors() {
    for (List<String> wrong : List.of(List.of("--capacity", "0.5", "--speedup", "2"), List.of("--capacity", "0"),
        List.of("--budget", "8s"), List.of("--budget", "0"), List.of("--capacity", "0.5", "--max-kl", "1"),
        List.of("--speedup", "-1"), List.of("--max-kl", "-1"), List.of("--capacity", "0.5", "--selection", "threshold"))) {
      CommandRun run = CommandRun.of(
          Stream.concat(Stream.of("generate", "-m", model, "abc"), wrong.stream()).toArray());
      assertEquals(2, run.code(), wrong + run.err());
      assertEquals(1, run.err().lines().count(), run.err());
    }
    assertEquals(2, CommandRun.of("bench", "-m", model, "--budget", "1ms", "--speedup", "2").code());
    assertEquals(2, run("-m", model, "--capacities", "0").code());
    assertEquals(2, run("-m", model, "--speed-only").code());
    CommandRun plain = CommandRun.of("generate", "-m", model, "--speedup", "2", "abc");
    assertEquals(1, plain.code());
    assertEquals("depths generate: --speedup 2 needs a calibration, which the model does not have: 'depths calibrate' makes it\n",
        plain.err());
  }

  @Test
  void whatCannotBeCalibratedIsRefused() throws IOException {
    Path dense = TinyModel.write(directory, "plain.gguf", TinyModel.dense());
    CommandRun run = run("-m", dense);
    assertEquals(1, run.code());
    assertEquals("depths calibrate: the model has no routed blocks: every token runs all of them\n", run.err());
    CommandRun stored = CommandRun.of("calibrate", "-m", model, "--speed-only");
    assertEquals(1, stored.code());
    assertTrue(stored.err().contains("needs a calibration"), stored.err());
  }
}
