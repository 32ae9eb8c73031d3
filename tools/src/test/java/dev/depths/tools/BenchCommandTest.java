package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTest {
  @TempDir
  static Path directory;

  private static Path routed;
  private static Path dense;

  @BeforeAll
  static void writeModels() throws IOException {
    routed = TinyModel.write(directory, "routed.gguf", TinyModel.routed());
    dense = TinyModel.write(directory, "dense.gguf", TinyModel.dense());
  }

  private static JsonNode json(Object... args) throws IOException {
    Object[] all = new Object[args.length + 3];
    System.arraycopy(new Object[] {"bench", "-o", "json"}, 0, all, 0, 3);
    System.arraycopy(args, 0, all, 3, args.length);
    CommandRun run = CommandRun.of(all);
    assertEquals(0, run.code(), run.err());
    return new ObjectMapper().readTree(run.out());
  }

  @Test
  void oneRowPerTestOfTheCrossProduct() throws IOException {
    JsonNode rows = json("-m", routed, "-p", "8,16", "-n", "4", "-d", "0,3", "-t", "1,2", "-r", "2");
    List<String> tests = new ArrayList<>();
    for (JsonNode row : rows) {
      tests.add(row.get("n_threads") + " " + row.get("n_prompt") + " " + row.get("n_gen") + " " + row.get("n_depth"));
      assertEquals(2, row.get("samples_ts").size());
      assertEquals(2, row.get("samples_ns").size());
    }
    assertEquals(List.of(
        "1 8 0 0", "1 16 0 0", "1 0 4 0", "1 8 0 3", "1 16 0 3", "1 0 4 3",
        "2 8 0 0", "2 16 0 0", "2 0 4 0", "2 8 0 3", "2 16 0 3", "2 0 4 3"), tests);
  }

  @Test
  void sequencesThatGenerateTogether() throws IOException {
    JsonNode rows = json("-m", routed, "-p", "8", "-n", "4", "-b", "1,3", "-r", "2", "--no-warmup");
    assertEquals(3, rows.size());
    assertEquals(List.of(1, 1, 3), List.of(
        rows.get(0).get("n_sequences").asInt(), rows.get(1).get("n_sequences").asInt(), rows.get(2).get("n_sequences").asInt()));
    // Four steps of three tokens each.
    double nanos = rows.get(2).get("samples_ns").get(0).asDouble();
    assertEquals(12e9 / nanos, rows.get(2).get("samples_ts").get(0).asDouble(), 1e-3 * 12e9 / nanos);
    CommandRun wrong = CommandRun.of("bench", "-m", routed, "-b", "0");
    assertEquals(2, wrong.code());
    assertTrue(wrong.err().startsWith("depths bench: -b must be at least 1, not 0"), wrong.err());
  }

  @Test
  void meanAndSampleDeviationOfTheSamples() throws IOException {
    JsonNode row = json("-m", routed, "-p", "0", "-n", "4", "-r", "3").get(0);
    double mean = 0;
    for (JsonNode sample : row.get("samples_ts")) {
      mean += sample.asDouble() / 3;
    }
    double squares = 0;
    for (JsonNode sample : row.get("samples_ts")) {
      squares += Math.pow(sample.asDouble() - mean, 2);
    }
    assertEquals(mean, row.get("avg_ts").asDouble(), 1e-6 * mean);
    assertEquals(Math.sqrt(squares / 2), row.get("stddev_ts").asDouble(), 1e-6 * mean);
    assertEquals(4e9 / row.get("samples_ns").get(0).asDouble(), row.get("samples_ts").get(0).asDouble(), 1e-3);
  }

  @Test
  void csvHasLlamaBenchsFieldNames() {
    CommandRun run = CommandRun.of("bench", "-m", routed, "-p", "8", "-n", "0", "-r", "1", "-o", "csv");
    List<String> lines = run.out().lines().toList();
    assertEquals("build_commit,cpu_info,backends,model_filename,model_type,model_size,model_n_params,n_threads,n_prompt,"
        + "n_gen,n_depth,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts,n_sequences,routing,blocks_run,weight_gb_per_s,expected_kl", lines.getFirst());
    assertEquals(2, lines.size());
    assertEquals(lines.getFirst().split(",").length, lines.get(1).split("\",\"").length);
    assertTrue(lines.get(1).contains("\"" + routed + "\""), lines.get(1));
  }

  @Test
  void jsonLinesAreObjects() throws IOException {
    CommandRun run = CommandRun.of("bench", "-m", routed, "-p", "8", "-n", "2", "-r", "1", "-o", "jsonl");
    List<String> lines = run.out().lines().toList();
    assertEquals(2, lines.size());
    assertEquals(8, new ObjectMapper().readTree(lines.getFirst()).get("n_prompt").asInt());
  }

  @Test
  void tableForPeople() {
    CommandRun run = CommandRun.of("bench", "-m", routed, "-p", "8", "-n", "2", "-d", "4", "-r", "1", "-t", "1");
    assertEquals(0, run.code(), run.err());
    assertTrue(run.out().startsWith("| model "), run.out());
    assertTrue(run.out().contains(" pp8 @ d4 |"), run.out());
    assertTrue(run.out().contains(" tg2 @ d4 |"), run.out());
    assertTrue(run.out().contains(" ± "), run.out());
  }

  @Test
  void routingsDifferInBlocksRun() throws IOException {
    JsonNode rows = json("-m", routed, "-p", "64", "-n", "0", "-r", "1", "--routing", "dense,random:0.25,random:0");
    assertEquals("dense", rows.get(0).get("routing").asText());
    assertEquals(1.0, rows.get(0).get("blocks_run").asDouble());
    assertEquals((64 + 16) / 128.0, rows.get(1).get("blocks_run").asDouble());
    assertEquals(0.5, rows.get(2).get("blocks_run").asDouble());
    assertTrue(rows.get(0).get("weight_gb_per_s").asDouble() > 0);
  }

  @Test
  void randomRoutesEveryOtherBlockOfADenseModel() throws IOException {
    JsonNode rows = json("-m", dense, "-p", "64", "-n", "0", "-r", "1", "--routing", "model,random:0.5:9");
    assertEquals(1.0, rows.get(0).get("blocks_run").asDouble());
    assertEquals(0.75, rows.get(1).get("blocks_run").asDouble());
  }

  @Test
  void testBeyondTheContextIsAnError() {
    CommandRun run = CommandRun.of("bench", "-m", dense, "-p", Integer.toString(TinyModel.CONTEXT + 1), "-n", "0");
    assertEquals(1, run.code());
    assertTrue(run.err().contains(Integer.toString(TinyModel.CONTEXT)), run.err());
  }
}
