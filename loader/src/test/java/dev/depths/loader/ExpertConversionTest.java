package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mixtures of experts in Hugging Face directories to GGUF: a tensor for all experts of a block, keys as llama.cpp's. */
class ExpertConversionTest {
  @TempDir
  private Path directory;
  private Path model;
  private Path out;

  @BeforeEach
  void create() throws IOException {
    model = Files.createDirectory(directory.resolve("model"));
    out = directory.resolve("out.gguf");
  }

  private void write(String modelType, Map<String, long[]> shapes, Function<String, DType> typeOf, String more)
      throws IOException {
    write(modelType, shapes, typeOf, !modelType.equals("qwen2_moe"), more);
  }

  private void write(String modelType, Map<String, long[]> shapes, Function<String, DType> typeOf, boolean normalised,
      String more) throws IOException {
    SafetensorsWriter writer = new SafetensorsWriter();
    shapes.forEach((name, shape) -> writer.tensor(HuggingFaceTensors.theirName(modelType, name), typeOf.apply(name),
        SourceModel.elements(name, shape), name.contains("_inp_shexp") ? new long[] {1, shape[0]} : shape));
    writer.write(model.resolve("model.safetensors"));
    Files.writeString(model.resolve("config.json"), """
        {"model_type": "%s", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128, "vocab_size": 10, "num_local_experts": 4,
         "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24, "norm_topk_prob": %s,
         "shared_expert_intermediate_size": 40%s}""".formatted(modelType, normalised, more));
  }

  private void convert(DType type) throws IOException {
    try (GgufConversion conversion = GgufConversion.open(model, Optional.empty(), Optional.ofNullable(type))) {
      conversion.write(out, done -> {});
    }
  }

  private static void assertSameExperts(Checkpoint before, Checkpoint after, int block) {
    for (ExpertMatrix matrix : ExpertMatrix.values()) {
      for (int expert = 0; expert < 4; expert++) {
        Tensor theirs = matrix.find(before.tensors(), block, expert);
        Tensor ours = matrix.find(after.tensors(), block, expert);
        assertEquals(theirs.shape(), ours.shape());
        assertArrayEquals(theirs.toFloats(), ours.toFloats(), theirs.name());
        assertNull(after.tensors().get(theirs.name()));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"mixtral, llama", "qwen2_moe, qwen2moe", "qwen3_moe, qwen3moe"})
  void everyArchitecture(String modelType, String architecture) throws IOException {
    write(modelType, HuggingFaceTensors.shapes(modelType), name -> DType.BF16, "");
    convert(null);
    try (Checkpoint before = Checkpoint.open(model); Checkpoint after = Checkpoint.open(out)) {
      HuggingFaceConversionTest.assertSameConfig(before.config(), after.config());
      Experts experts = before.config().experts().orElseThrow();
      assertEquals(architecture, after.config().architecture());
      assertEquals(
          TinyModel.shapes(Architectures.ofModelType(modelType)).keySet(), Set.copyOf(after.tensors().keySet()));
      assertSameExperts(before, after, 0);
      assertSameExperts(before, after, 1);
      Tensor gates = after.tensors().get("blk.1.ffn_gate_exps.weight");
      assertEquals(List.of(4L, (long) experts.feedForward(), 32L), gates.shape());
      assertEquals(DType.BF16, gates.type());
      assertEquals(DType.F32, after.tensors().get("blk.1.ffn_gate_inp.weight").type());
      boolean llama = architecture.equals("llama");
      assertEquals(4L, after.metadata().get(architecture + ".expert_count"));
      assertEquals(2L, after.metadata().get(architecture + ".expert_used_count"));
      assertEquals(llama ? null : 24L, after.metadata().get(architecture + ".expert_feed_forward_length"));
      assertEquals(architecture.equals("qwen2moe") ? 40L : null,
          after.metadata().get(architecture + ".expert_shared_feed_forward_length"));
      assertNull(after.metadata().get(architecture + ".expert_weights_norm"));
      assertEquals(32L, after.metadata().get("general.file_type"));
    }
  }

  @Test
  void blocksWithoutExperts() throws IOException {
    Map<String, long[]> shapes = HuggingFaceTensors.shapes("qwen3_moe");
    shapes.keySet().removeIf(name -> name.startsWith("blk.0.ffn_") && !name.contains("norm"));
    TinyModel.mlp(shapes, "blk.0.");
    write("qwen3_moe", shapes, name -> DType.F32, ", \"decoder_sparse_step\": 2");
    convert(null);
    try (Checkpoint before = Checkpoint.open(model); Checkpoint after = Checkpoint.open(out)) {
      HuggingFaceConversionTest.assertSameConfig(before.config(), after.config());
      assertEquals(Set.of(0), after.config().experts().orElseThrow().denseBlocks());
      assertSameExperts(before, after, 1);
    }
  }

  @Test
  void typesOfStacks() throws IOException {
    write("qwen3_moe", HuggingFaceTensors.shapes("qwen3_moe"),
        name -> name.contains("ffn_up.2") ? DType.F16 : DType.BF16, "");
    convert(null);
    try (Checkpoint before = Checkpoint.open(model); Checkpoint after = Checkpoint.open(out)) {
      assertEquals(DType.F32, after.tensors().get("blk.0.ffn_up_exps.weight").type());
      assertEquals(DType.BF16, after.tensors().get("blk.0.ffn_down_exps.weight").type());
      assertSameExperts(before, after, 0);
    }
    convert(DType.Q8_0);
    try (Checkpoint after = Checkpoint.open(out)) {
      assertEquals(DType.Q8_0, after.tensors().get("blk.0.ffn_up_exps.weight").type());
      // Rows of 24 are no whole blocks.
      assertEquals(DType.F16, after.tensors().get("blk.0.ffn_down_exps.weight").type());
    }
  }

  @ParameterizedTest
  @CsvSource({"qwen2_moe, true, qwen2moe", "qwen3_moe, false, qwen3moe"})
  void weightsThatAreNormalisedOtherwise(String modelType, boolean normalised, String architecture) throws IOException {
    write(modelType, HuggingFaceTensors.shapes(modelType), name -> DType.F32, normalised, "");
    Refusals.assertUnsupported("model: norm_topk_prob is " + normalised,
        "GGUF files of the architecture " + architecture + " are run as if it were " + !normalised, () -> convert(null));
  }
}
