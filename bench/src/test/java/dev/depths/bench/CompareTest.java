package dev.depths.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code peers/compare} with programs that print given rates, and log their calls, in place of the measured ones. */
class CompareTest {
  @TempDir
  Path directory;

  private Path calls;

  @BeforeAll
  static void requirePython() throws InterruptedException {
    PythonProgram.require();
  }

  @BeforeEach
  void prepare() throws IOException {
    calls = Files.createFile(directory.resolve("calls"));
    Files.createFile(directory.resolve("model.gguf"));
  }

  /** A program that prints one prompt test; with {@code --routing} in its arguments, one for each routing. */
  private Path program(String name, String... results) throws IOException {
    return new PythonProgram("peers/compare", directory).program(name, """
        if [ "$1" = --version ]; then echo "depths 9.9"; exit; fi
        echo "%s $*" >> "%s"
        cat <<'END'
        [%s]
        END
        """.formatted(name, calls, String.join(",", results)));
  }

  private static String result(String extra, String samples) {
    return """
        {"build_commit": "abc", "n_prompt": 512, "n_gen": 0, "n_depth": 0, "n_threads": 1, %s "samples_ts": [%s]}"""
        .formatted(extra, samples);
  }

  private PythonProgram.Outcome compare(Path llama, Path depths, String... options)
      throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(List.of("-m", directory.resolve("model.gguf").toString(),
        "--llama-bench", llama.toString(), "--depths", depths.toString(), "-t", "1"));
    all.addAll(List.of(options));
    return new PythonProgram("peers/compare", directory).run(all.toArray(String[]::new));
  }

  @Test
  void takesTurnsAndPrintsRatiosOfMedians() throws Exception {
    Path llama = program("llama-bench", result("", "100, 200, 900"));
    Path depths = program("depths", result("\"routing\": \"dense\",", "150, 150, 1"),
        result("\"routing\": \"random:0.125\",", "400, 400, 400"));
    Path csv = directory.resolve("rounds.csv");

    PythonProgram.Outcome outcome = compare(llama, depths, "--rounds", "2", "-r", "3",
        "--routing", "dense,random:0.125", "--csv", csv.toString());

    assertEquals(0, outcome.status(), outcome.error());
    assertTrue(outcome.out().contains("llama.cpp build abc · depths 9.9 · medians of 2 rounds of 3"), outcome.out());
    assertTrue(outcome.out().contains(
        "| model.gguf | pp512 | 1 | dense | 200.0 (200.0–200.0) | 150.0 (150.0–150.0) | 0.75 |"), outcome.out());
    assertTrue(outcome.out().contains("| random:0.125 | 200.0 (200.0–200.0) | 400.0 (400.0–400.0) | 2.00 |"));
    List<String> order = Files.readAllLines(calls).stream().map(call -> call.split(" ")[0]).toList();
    assertEquals(List.of("llama-bench", "depths", "llama-bench", "depths"), order);
    assertTrue(Files.readAllLines(calls).get(1).startsWith("depths bench --routing dense,random:0.125 -m "));
    List<String> lines = Files.readAllLines(csv, StandardCharsets.UTF_8);
    assertEquals("engine,version,model,routing,n_prompt,n_gen,n_depth,n_threads,round,ts", lines.getFirst());
    assertEquals(1 + 2 * 3, lines.size());
    assertTrue(lines.getLast().endsWith(",random:0.125,512,0,0,1,2,400"), lines.getLast());
  }

  @Test
  void saysInOneLineWhatFailed() throws Exception {
    Path llama = new PythonProgram("peers/compare", directory)
        .program("llama-bench", "echo first >&2\necho 'cannot open the model' >&2\nexit 3\n");

    PythonProgram.Outcome outcome = compare(llama, program("depths", result("", "1")));

    assertEquals(1, outcome.status());
    assertTrue(outcome.error().endsWith("failed with exit status 3: cannot open the model\n"), outcome.error());
  }

  @Test
  void aTestThatFailsIsLeftOut() throws Exception {
    Path llama = new PythonProgram("peers/compare", directory)
        .program("llama-bench", "[ -e %1$s ] && exit 3; touch %1$s\necho '[%2$s]'\n"
            .formatted(directory.resolve("once"), result("", "100")));
    Path depths = program("depths", result("\"routing\": \"dense\",", "150"));
    Path csv = directory.resolve("rounds.csv");

    PythonProgram.Outcome outcome = compare(llama, depths, "--rounds", "2", "--csv", csv.toString());

    assertEquals(0, outcome.status(), outcome.error());
    assertTrue(outcome.error().contains("left out: "), outcome.error());
    assertEquals(1 + 1 + 2, Files.readAllLines(csv).size());
  }
}
