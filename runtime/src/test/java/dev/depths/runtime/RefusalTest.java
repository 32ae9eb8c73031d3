package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Rounding;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.Ties;
import dev.depths.loader.UnsupportedModelException;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the runtime does not execute it refuses by name. */
class RefusalTest {
  private static final TinyModel ROUTED =
      TinyModel.dense(TinyModel.SMALL, 1).routed(ModDescriptor.Combine.HARD, 0, false, 1);

  /** That model with a capacity of half of the tokens and no causal rule. */
  private static TinyModel topK() {
    ModDescriptor mod = ROUTED.mod().orElseThrow();
    Selection topK = new Selection(Rule.TOPK, null, List.of(0.5), Rounding.FLOOR, 1, 0, Ties.FIRST, 0.5,
        OptionalDouble.empty(), false, 0);
    return new TinyModel(ROUTED.config(), ROUTED.tensors(), Optional.of(new ModDescriptor(mod.blocks(), mod.part(),
        mod.unit(), mod.router(), topK, mod.combine(), mod.positions(), mod.skippedKv(), 0)));
  }

  private static void assertRefused(Model model, Routing routing, String named) {
    SessionOptions options = SessionOptions.defaults().withRouting(routing);
    UnsupportedModelException e = assertThrows(UnsupportedModelException.class, () -> model.newSession(options).close());
    assertTrue(e.getMessage().contains(named), e::getMessage);
  }

  @Test
  void topKIsNoRuleToGenerateBy() {
    try (Model model = topK().exact()) {
      assertRefused(model, Routing.model(), "names no causal rule");
      assertRefused(model, Routing.model(Rule.PREDICTOR), "no predictor in block 1");
      model.newSession(SessionOptions.defaults().withRouting(Routing.model(Rule.THRESHOLD))).close();
    }
  }

  @Test
  void nothingFollowsASequenceThatWasChosenFrom() {
    try (Model model = topK().exact();
        Session session = model.newSession(SessionOptions.defaults().withRouting(Routing.model(Rule.TOPK)))) {
      session.prefill(ROUTED.tokens(10, 1));
      assertEquals(5, session.computedPositions(1).length);
      assertTrue(assertThrows(IllegalStateException.class, () -> session.decode(1)).getMessage().contains("top-k"));
      assertEquals(10, session.position());
      session.reset();
      session.prefill(ROUTED.tokens(4, 1));
      assertEquals(2, session.computedPositions(1).length);
    }
  }

  @Test
  void rulesThatAModelHasNothingFor() {
    try (Model model = ROUTED.exact()) {
      assertRefused(model, Routing.model(Rule.TOPK), "states no capacity");
      assertRefused(model, Routing.model(Rule.PREDICTOR), "no predictor");
    }
  }

  /** In a JVM of its own, on the class path, where nothing asks for the module. */
  @Test
  @Timeout(60)
  void aJvmWithoutTheVectorModuleIsToldTheFlag(@TempDir Path directory) throws IOException, InterruptedException {
    Path program = Files.writeString(directory.resolve("Embedder.java"), """
        public class Embedder {
          public static void main(String[] args) throws Exception {
            dev.depths.runtime.Model.open(java.nio.file.Path.of("model.gguf"));
          }
        }
        """);
    Run without = java(directory, "-cp", classPath(), program.toString());
    assertNotEquals(0, without.status);
    assertTrue(without.output.contains("IllegalStateException")
        && without.output.contains("--add-modules jdk.incubator.vector"), without.output);
    // With the flag it gets as far as the file, which is not there.
    Run with = java(directory, "--add-modules", "jdk.incubator.vector", "-cp", classPath(), program.toString());
    assertTrue(with.output.contains("NoSuchFileException"), with.output);
  }

  private record Run(int status, String output) {}

  private static Run java(Path directory, String... arguments) throws IOException, InterruptedException {
    List<String> command = Stream.concat(
        Stream.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()), Stream.of(arguments)).toList();
    Path output = directory.resolve("output");
    Process process = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true)
        .redirectOutput(output.toFile()).start();
    assertTrue(process.waitFor(50, TimeUnit.SECONDS));
    return new Run(process.exitValue(), Files.readString(output, StandardCharsets.UTF_8));
  }

  /** Everything that the tests run with, modules or not. */
  private static String classPath() {
    String modules = System.getProperty("jdk.module.path");
    String classes = System.getProperty("java.class.path");
    return modules == null ? classes : modules + File.pathSeparator + classes;
  }
}
