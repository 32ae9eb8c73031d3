package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Directories of training codes to GGUF: the file says in its own keys and names what the importer understood. */
class ImportedConversionTest {
  @TempDir Path directory;
  private Path model;
  private Path out;

  @BeforeEach
  void create() throws IOException {
    model = Files.createDirectory(directory.resolve("model"));
    out = directory.resolve("out.gguf");
  }

  static Stream<Supplier<SourceModel>> models() {
    return Stream.of(MixtureOfDepthImporterTest::model, MixtureOfDepthImporterTest::qwen,
        () -> MixtureOfDepthImporterTest.model().set("capacity", 0.12),
        () -> MixtureOfDepthImporterTest.model().set("model_type", "\"mistral\"").set("sliding_window", 100),
        OharaImporterTest::model, SkipGptImporterTest::model, SkipGptImporterTest::oneLayer, DllmImporterTest::model,
        () -> DllmImporterTest.model().configIn("params.json").set("max_seq_len", 512),
        RouterTuningImporterTest::model, GammaModImporterTest::model,
        () -> GammaModImporterTest.model().set("rope_theta", 500000)
            .set("rope_scaling", "{\"rope_type\": \"linear\", \"factor\": 4.0}"),
        SramshettyImporterTest::model, LlmBaselinesImporterTest::model, PmodImporterTest::model);
  }

  private void convert() throws IOException {
    try (GgufConversion conversion = GgufConversion.open(model, Optional.empty(), Optional.empty())) {
      conversion.write(out, done -> {});
    }
  }

  @ParameterizedTest
  @MethodSource("models")
  void everyTrainingCode(Supplier<SourceModel> source) throws IOException {
    source.get().write(model);
    convert();
    try (Checkpoint before = Checkpoint.open(model); Checkpoint after = Checkpoint.open(out)) {
      HuggingFaceConversionTest.assertSameConfig(before.config(), after.config());
      assertEquals(before.mod(), after.mod());
      assertEquals(before.note(), after.note());
      assertEquals(before.tensors().keySet(), after.tensors().keySet());
      boolean turned = before.config().rope().layout() != after.config().rope().layout();
      before.tensors().forEach((name, tensor) -> {
        if (!turned || !name.contains("attn_q") && !name.contains("attn_k")) {
          assertArrayEquals(tensor.toFloats(), after.tensors().get(name).toFloats(), name);
        }
      });
    }
  }

  @Test
  void routersAlone() throws IOException {
    RouterTuningImporterTest.routers().write(model);
    convert();
    try (Adapter before = Adapter.open(model); Adapter after = Adapter.open(out)) {
      assertEquals(before.descriptor(), after.descriptor());
      assertEquals(before.tensors().keySet(), after.tensors().keySet());
    }
  }
}
