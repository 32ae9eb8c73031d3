package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Granularity;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.UnsupportedModelException;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What the runtime does not execute it refuses by name. */
class RefusalTest {
  /** Each property on its own away from what is supported, and the words that name it. */
  static Stream<Arguments> unsupported() {
    return Stream.of(
        Arguments.of(descriptor(Router.LINEAR2, Selection.THRESHOLD, Combine.ADD), "router linear2"),
        Arguments.of(descriptor(Router.MLP, Selection.THRESHOLD, Combine.ADD), "router mlp"),
        Arguments.of(descriptor(Router.LINEAR, Selection.TOPK, Combine.ADD), "selection topk"),
        Arguments.of(descriptor(Router.LINEAR, Selection.PREDICTOR, Combine.ADD), "selection predictor"),
        Arguments.of(descriptor(Router.LINEAR, Selection.THRESHOLD, Combine.SCORE_BLOCK), "combine score_block"),
        Arguments.of(descriptor(Router.LINEAR, Selection.THRESHOLD, Combine.SOFTMAX_BLOCK), "combine softmax_block"),
        Arguments.of(descriptor(Router.LINEAR, Selection.THRESHOLD, Combine.MLP_GATE), "combine mlp_gate"),
        Arguments.of(descriptor(Granularity.ATTENTION_TOKEN, Positions.ORIGINAL, SkippedKv.ABSENT, false),
            "granularity attention_token"),
        Arguments.of(descriptor(Granularity.MLP_TOKEN, Positions.ORIGINAL, SkippedKv.ABSENT, false),
            "granularity mlp_token"),
        Arguments.of(descriptor(Granularity.BLOCK_SEQUENCE, Positions.ORIGINAL, SkippedKv.ABSENT, false),
            "granularity block_sequence"),
        Arguments.of(descriptor(Granularity.BLOCK_TOKEN, Positions.COMPACTED, SkippedKv.ABSENT, false),
            "positions compacted"),
        Arguments.of(descriptor(Granularity.BLOCK_TOKEN, Positions.ORIGINAL, SkippedKv.PROJECTED, false),
            "skipped_kv projected"),
        Arguments.of(descriptor(Granularity.BLOCK_TOKEN, Positions.ORIGINAL, SkippedKv.ABSENT, true), "router shared"));
  }

  @ParameterizedTest
  @MethodSource("unsupported")
  void unsupportedSemantics(ModDescriptor descriptor, String named) {
    UnsupportedModelException e =
        assertThrows(UnsupportedModelException.class, () -> MixtureOfDepths.requireSupported(descriptor));
    assertTrue(e.getMessage().contains(named), e::getMessage);
  }

  @ParameterizedTest
  @EnumSource(names = {"ADD", "SCORE", "SIGMOID", "TANH"})
  void supportedSemantics(Combine combine) {
    MixtureOfDepths.requireSupported(descriptor(Router.LINEAR, Selection.THRESHOLD, combine));
  }

  @Test
  void aModelOfUnsupportedSemanticsDoesNotOpen() {
    TinyModel routed = TinyModel.dense(TinyModel.SMALL, 1).routed(Combine.ADD, 0, false, 1);
    TinyModel topk = new TinyModel(routed.config(), routed.tensors(),
        Optional.of(descriptor(Router.LINEAR, Selection.TOPK, Combine.ADD)));
    assertTrue(assertThrows(UnsupportedModelException.class, topk::fast).getMessage().contains("selection topk"));
  }

  private static ModDescriptor descriptor(Router router, Selection selection, Combine combine) {
    return new ModDescriptor(1, List.of(1), List.of(), router, selection, 0.5, combine, Granularity.BLOCK_TOKEN,
        Positions.ORIGINAL, SkippedKv.ABSENT, 0, false);
  }

  private static ModDescriptor descriptor(
      Granularity granularity, Positions positions, SkippedKv skippedKv, boolean sharedRouter) {
    return new ModDescriptor(1, List.of(1), List.of(), Router.LINEAR, Selection.THRESHOLD, 0.5, Combine.ADD,
        granularity, positions, skippedKv, 0, sharedRouter);
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
