package dev.depths.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code results} with programs that print given figures in place of the measured ones. */
class ResultsTest {
  private static final String VERSION = """
      if [ "$1" = --version ]; then echo 'depths 9.9 (abc), JDK 25.0.1'; exit; fi
      """;

  @TempDir
  Path directory;

  private PythonProgram results;
  private Path depths;
  private Path llama;
  private Path java;

  @BeforeAll
  static void requirePython() throws InterruptedException {
    PythonProgram.require();
  }

  @BeforeEach
  void prepare() throws IOException {
    results = new PythonProgram("results", directory);
    Files.createFile(directory.resolve("q4_0.gguf"));
    depths = results.program("depths", VERSION + bench("300", "150"));
    llama = results.program("llama-bench", bench("200", "200"));
    // Runs no benchmarks but copies what they are said to give; and the plot's points, as the plot.
    java = results.program("java", """
        if [ "$1" = -cp ]; then cp "$4" "$5"; exit; fi
        while [ "$1" != -rff ]; do shift; done
        name=$(basename "$2")
        cp "%s/${name%%-*}.jmh" "$2"
        """.formatted(directory));
  }

  /** A program that prints a prompt test and a generation test, or a generation alone, as it is asked. */
  private static String bench(String prompt, String generation) {
    String common = "\"build_commit\": \"abc\", \"n_threads\": 1,";
    return """
        case "$*" in
          *"-p 512"*) echo '[{%1$s "n_prompt": 512, "n_gen": 0, "n_depth": 0, "samples_ts": [1, %2$s, 999]},
            {%1$s "n_prompt": 0, "n_gen": 128, "n_depth": 0, "samples_ts": [%3$s]}]' ;;
          *) echo '[{%1$s "n_prompt": 0, "n_gen": 64, "n_depth": 2048, "samples_ts": [%3$s]}]' ;;
        esac
        """.formatted(common, prompt, generation);
  }

  /** What JMH gives in a run of a part. */
  private void jmh(String run, String... records) throws IOException {
    Files.writeString(directory.resolve(run + ".jmh"), "[" + String.join(",", records) + "]");
  }

  private static String record(String benchmark, String parameters, String score, String counter, String rate) {
    return """
        {"benchmark": "dev.depths.bench.%s", "threads": 1, "params": {%s},
         "primaryMetric": {"score": 0, "scoreUnit": "ops/s", "rawData": [[%s]]},
         "secondaryMetrics": {"%s": {"score": 0, "rawData": [[%s]]}}}"""
        .formatted(benchmark, parameters, score, counter, rate);
  }

  private PythonProgram.Outcome run(String... options) throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of("--depths", depths.toString(), "--llama-bench", llama.toString(),
        "--java", java.toString(), "--no-build", "-m", directory.resolve("q4_0.gguf").toString(), "-t", "1",
        "--folder", directory.resolve("raw").toString(), "--output", directory.toString()));
    all.addAll(List.of(options));
    return results.run(all.toArray(String[]::new));
  }

  /** The document, if all went well. */
  private String document(String... options) throws IOException, InterruptedException {
    PythonProgram.Outcome outcome = run(options);
    assertEquals(0, outcome.status(), outcome.error());
    return Files.readString(directory.resolve("RESULTS.md"));
  }

  private static void assertContains(String text, String expected) {
    assertTrue(text.contains(expected), text);
  }

  @Test
  void againstLlamaCpp() throws Exception {
    String text = document("--only", "peers", "--rounds", "2");
    assertContains(text, "| q4_0 | 1 | 200.0 | 300.0 | 1.50 | 200.0 | 150.0 | **0.75** | 200.0 | 150.0 | **0.75** |");
    assertContains(text, "| q4_0 | 1 | 1 | 1 |");
    assertContains(text, "## Latency\n\nNot measured yet: `bench/results --only latency`.");
    assertContains(text, "rounds: 2; depths 9.9 (abc)");
    // Not where programs and folders are on this machine.
    assertContains(text, ": `bench/results --no-build -m " + directory.resolve("q4_0.gguf")
        + " -t 1 --only peers --rounds 2`.");
    assertContains(text, "JDK 25.0.1");
  }

  @Test
  void writesAgainWithoutMeasuringAndAppends() throws Exception {
    String text = document("--only", "peers", "--rounds", "1");
    Files.delete(directory.resolve("RESULTS.md"));
    results.program("llama-bench", "exit 1\n");
    assertEquals(text, document("--write"));

    llama = results.program("llama-bench", bench("400", "100"));
    String both = document("--only", "peers", "--rounds", "1", "--append");
    assertContains(both, "| q4_0 | 1 | 300.0 | 300.0 | 1.00 | 150.0 | 150.0 | 1.00 |");
  }

  @Test
  void failuresAreToldInOneLine() throws Exception {
    results.program("llama-bench", "echo 'cannot open the model' >&2\nexit 3\n");
    PythonProgram.Outcome outcome = run("--only", "peers");
    assertEquals(1, outcome.status());
    assertTrue(outcome.error().endsWith("failed with exit status 3: cannot open the model\n"), outcome.error());

    assertEquals(2, run("--only", "everything").status());
  }

  @Test
  void aTestThatFailsLosesNoOthers() throws Exception {
    llama = results.program("llama-bench", """
        case "$*" in *2048*) echo 'out of memory' >&2; exit 3;; esac
        """ + bench("200", "200"));
    PythonProgram.Outcome outcome = run("--only", "peers", "--rounds", "1");
    assertEquals(0, outcome.status(), outcome.error());
    assertContains(outcome.error(), "failed with exit status 3: out of memory\n");
    String text = Files.readString(directory.resolve("RESULTS.md"));
    assertContains(text, "| q4_0 | 1 | 200.0 | 300.0 | 1.50 | 200.0 | 150.0 | **0.75** |  |  |  |");
  }

  @Test
  void limits() throws Exception {
    jmh("limits-probes", record("ProbeBenchmark.readOneThread", "", "1", "gigaBytes", "40"),
        record("ProbeBenchmark.fmaOneThread", "", "1", "gigaFlops", "200"));
    jmh("limits-passes", record("DecodeBenchmark.decode", "\"weights\": \"Q4_1\", \"threads\": \"1\"", "100, 300, 200",
        "gigaBytes", "9, 10, 99"));
    String text = document("--only", "limits", "--rounds", "1");
    assertContains(text, "| multiply-adds in registers | 1 | 200.0 GFLOP/s |");
    assertContains(text, "| decode | Q4_1 | 1 | 200.0 | 10.0 GB/s | 25 % |");
  }

  @Test
  void mixtureAndItsPlot() throws Exception {
    String test = "\"depth\": \"0\", \"threads\": \"1\", \"routing\": ";
    jmh("mixture-capacity", record("DecodeBenchmark.decode", test + "\"dense\"", "100", "gigaBytes", "10"),
        record("DecodeBenchmark.decode", test + "\"0.125\"", "150", "gigaBytes", "7.5"),
        record("DecodeBenchmark.decode", test + "\"0.0625\"", "200", "gigaBytes", "10"));
    jmh("mixture-length");
    String text = document("--only", "mixture", "--rounds", "1");
    assertContains(text, "| decode | 1 | 12.5 % | 150.0 | 1.50 | 2.00 | **75 %** | 95 % |");
    assertContains(text, "| decode | 1 | 6.25 % | 200.0 | 2.00 | 2.00 | 100 % |  |");
    assertEquals("test,capacity,measured,ideal\ndecode,0.0625,2.0,2.0\ndecode,0.125,1.5,2.0\n",
        Files.readString(directory.resolve("capacity.svg")));
  }

  @Test
  void kernelsByWidth() throws Exception {
    for (String bits : List.of("512", "256", "128")) {
      jmh("kernels-" + bits, record("ProbeBenchmark.fmaOneThread", "", "1", "gigaFlops", bits),
          record("GemmBenchmark.panelF32", "\"rows\": \"4\"", "1", "gigaFlops", "64"));
    }
    // Whatever this machine's width, 128 bits are among those measured.
    assertContains(document("--only", "kernels", "--rounds", "1"), " 64.0 | 50 % |");
  }

  @Test
  void latency() throws Exception {
    depths = results.program("depths", VERSION + """
        case "$*" in
          inspect) mkdir -p "$XDG_CACHE_HOME/depths/models"
            touch "$XDG_CACHE_HOME/depths/models/SmolLM2-135M-Instruct.Q4_1.gguf" ;;
          *--json*) [ -e "$XDG_CACHE_HOME/packed" ] && ms=100 || ms=2000
            touch "$XDG_CACHE_HOME/packed"
            echo '{"timings": {"load": {"ms": '$ms'}}}' ;;
          *) echo text; printf 'load  20.0 ms\\nprompt  30.5 ms /  7 tokens\\n' >&2 ;;
        esac
        """);
    jmh("latency-tokens", """
        {"benchmark": "dev.depths.bench.TokenBenchmark.decode", "threads": 1, "params": {"routing": "dense"},
         "primaryMetric": {"score": 2100, "scoreUnit": "us/op", "rawDataHistogram": [[[[2000, 9]]]],
           "scorePercentiles": {"50.0": 2000, "90.0": 2500, "99.0": 3000}}}""");
    jmh("latency-reading", """
        {"benchmark": "dev.depths.bench.ProbeBenchmark.readTwoThreads", "threads": 2, "params": {"mebibytes": "96"},
         "primaryMetric": {"score": 4000, "scoreUnit": "us/op", "rawDataHistogram": [[[[4000, 9]]]],
           "scorePercentiles": {"50.0": 4000, "90.0": 5000, "99.0": 6000}}}""");
    String text = document("--only", "latency", "--rounds", "1", "--runs", "2");
    assertContains(text, "page cache warm (2 runs)");
    assertContains(text, "| of it the prompt (7 tokens) | 30 | 30 |  |");
    assertContains(text, "| load, weights to be packed | **2000** | 2000 | 1000 |");
    assertContains(text, "| load, packed weights in the cache | 100 | 100 | 150 |");
    assertContains(text, "| dense | 1 | 2.00 | 2.50 | 3.00 | **1.50** |");
    assertContains(text, "| reading alone | 2 | 4.00 | 5.00 | 6.00 | 1.50 |");
  }

  @Test
  void cost() throws Exception {
    // One collection long before the text, one while it comes, and one while the other run makes its report.
    depths = results.program("depths", VERSION + """
        log=${DEPTHS_JAVA_OPTS#*file=}
        log=${log%%:time*}
        collect() {
          echo "[$1.000+0000] GC(0) Pause Young (Allocation Failure) 9M->1M(64M) 1.000ms" >> "$log"
        }
        case "$*" in
          *--json*)
            collect "$(date -u +%Y-%m-%dT%H:%M:%S)"
            echo '{"tokens": [1, 2], "memory": {"weight_bytes": 0, "kv_bytes": 0}}' ;;
          *)
            collect 2020-01-31T12:00:00
            printf first
            sleep 1.1
            collect "$(date -u +%Y-%m-%dT%H:%M:%S)"
            echo last ;;
        esac
        """);
    jmh("cost-tokens",
        record("DecodeBenchmark.decode", "\"routing\": \"dense\"", "100", "allocatedBytes", "0, 0, 5000"));
    String text = document("--only", "cost", "--rounds", "1");
    assertContains(text, "| 64m | 2 | 1 | **1** |");
    assertContains(text, "| default | 2 | 1 | 1 |");
    assertContains(text, "| dense | 1 | 0.0 |");
  }
}
