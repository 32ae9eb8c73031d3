package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModelConfig.Rope.Layout;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufModelTest {
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"llama", "mistral", "qwen2", "qwen3"})
  void opensEachArchitecture(String architecture) throws IOException {
    Path file = directory.resolve("tiny.gguf");
    TinyModel.gguf(architecture).write(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      ModelConfig config = checkpoint.config();
      assertEquals(architecture, config.architecture());
      assertEquals(TinyModel.BLOCKS, config.blocks());
      assertEquals(TinyModel.HEAD_DIM, config.headDim());
      assertEquals(TinyModel.VOCABULARY, config.vocabulary());
      assertEquals(1e-5f, config.rmsEpsilon());
      assertEquals(architecture.startsWith("qwen") ? Layout.HALVES : Layout.INTERLEAVED, config.rope().layout());
      assertEquals(architecture.equals("qwen2"), config.qkvBias());
      assertEquals(architecture.equals("qwen3"), config.qkNorm());
      assertTrue(config.tiedEmbedding());
      assertEquals(TinyModel.shapes(architecture).keySet(), checkpoint.tensors().keySet());
    }
  }
}
