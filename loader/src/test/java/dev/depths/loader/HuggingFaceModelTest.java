package dev.depths.loader;

import static dev.depths.loader.HuggingFaceTensors.weights;
import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModelConfig.Rope.Layout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceModelTest {
  private static final String EXPERTS = """
      , "num_local_experts": 4, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24,
       "shared_expert_intermediate_size": 40""";

  @TempDir Path directory;

  private void config(String architecture, String more) throws IOException {
    Files.writeString(directory.resolve("config.json"), """
        {"architectures": ["X"], "model_type": "%s", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128,
         "vocab_size": 10, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "bos_token_id": null%s}"""
        .formatted(architecture, more));
  }

  private Path write(SafetensorsWriter writer) throws IOException {
    writer.write(directory.resolve("model.safetensors"));
    return directory;
  }

  /** Two shards and their index, with one entry of the weight map replaced. */
  private Path writeShards(String tensor, String shard) throws IOException {
    SafetensorsWriter[] shards = {new SafetensorsWriter(), new SafetensorsWriter()};
    List<String> map = new ArrayList<>();
    int[] count = {0};
    TinyModel.shapes("llama").forEach((name, shape) -> {
      int number = count[0]++ % 2;
      HuggingFaceTensors.add(shards[number], "llama", name, shape, DType.F32);
      String theirs = HuggingFaceTensors.theirName("llama", name);
      String file = theirs.equals(tensor) ? shard : "model-%05d-of-00002.safetensors".formatted(number + 1);
      map.add("\"%s\": \"%s\"".formatted(theirs, file));
    });
    for (int number = 0; number < 2; number++) {
      shards[number].write(directory.resolve("model-%05d-of-00002.safetensors".formatted(number + 1)));
    }
    Files.writeString(directory.resolve("model.safetensors.index.json"),
        "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {" + String.join(", ", map) + "}}");
    return directory;
  }

  @ParameterizedTest
  @CsvSource({"llama, F32", "mistral, F16", "qwen2, BF16", "qwen3, F32", "mixtral, F32", "qwen2_moe, F16",
      "qwen3_moe, BF16"})
  void opensEachArchitecture(String architecture, DType type) throws IOException {
    config(architecture, EXPERTS + ", \"tie_word_embeddings\": true");
    try (Checkpoint checkpoint = Checkpoint.open(write(weights(architecture, type)))) {
      ModelConfig config = checkpoint.config();
      assertEquals(architecture.replace("_", ""), config.architecture());
      assertEquals(Layout.HALVES, config.rope().layout());
      assertEquals(8, config.headDim());
      assertEquals(architecture.startsWith("qwen2"), config.qkvBias());
      assertEquals(architecture.startsWith("qwen3"), config.qkNorm());
      assertTrue(config.tiedEmbedding());
      assertEquals(HuggingFaceTensors.shapes(architecture).keySet(), checkpoint.tensors().keySet());
      Tensor tensor = checkpoint.tensors().get("blk.1.attn_k.weight");
      assertEquals("blk.1.attn_k.weight", tensor.name());
      assertEquals(type, tensor.type());
      float[] row = new float[32];
      tensor.dequantize(15, row, 0);
      float[] expected = new float[32];
      Arrays.fill(expected, 0.5f);
      assertArrayEquals(expected, row);
      assertEquals(4L, checkpoint.metadata().get("num_attention_heads"));
      assertEquals(Optional.empty(), checkpoint.tokenizer());
      assertEquals(64, checkpoint.sha256().length());
    }
  }

  @Test
  void blocksWithoutExperts() throws IOException {
    config("qwen3_moe", EXPERTS + ", \"decoder_sparse_step\": 2");
    Map<String, long[]> shapes = HuggingFaceTensors.shapes("qwen3_moe");
    shapes.keySet().removeIf(name -> name.matches("blk\\.0\\.ffn_(?!norm).*"));
    TinyModel.mlp(shapes, "blk.0.");
    SafetensorsWriter writer = new SafetensorsWriter();
    shapes.forEach((name, shape) -> HuggingFaceTensors.add(writer, "qwen3_moe", name, shape, DType.F32));
    try (Checkpoint checkpoint = Checkpoint.open(write(writer))) {
      assertEquals(Optional.empty(), checkpoint.config().experts(0));
      assertEquals(24, checkpoint.config().experts(1).orElseThrow().feedForward());
      assertEquals("blk.1.ffn_up.3.weight", ExpertMatrix.UP.find(checkpoint.tensors(), 1, 3).name());
    }
    config("qwen3_moe", EXPERTS);
    assertMalformed("tensor blk.0.ffn_gate_inp.weight", "is missing", () -> Checkpoint.open(directory));
  }

  @Test
  void theOutputMatrix() throws IOException {
    float[] output = new float[320];
    config("llama", "");
    SafetensorsWriter writer = weights("llama", DType.F32).tensor("lm_head.weight", DType.F32, output, 10, 32);
    try (Checkpoint checkpoint = Checkpoint.open(write(writer))) {
      assertFalse(checkpoint.config().tiedEmbedding());
      assertTrue(checkpoint.tensors().containsKey("output.weight"));
    }
    // Some files keep a copy of the tied matrix.
    config("llama", ", \"tie_word_embeddings\": true");
    try (Checkpoint checkpoint = Checkpoint.open(directory)) {
      assertTrue(checkpoint.config().tiedEmbedding());
      assertFalse(checkpoint.tensors().containsKey("output.weight"));
    }
    config("llama", ", \"tie_word_embeddings\": false");
    write(weights("llama", DType.F32));
    assertMalformed("tensor output.weight", "is missing", () -> Checkpoint.open(directory));
  }

  @Test
  void derivedTablesAreIgnored() throws IOException {
    config("llama", "");
    SafetensorsWriter writer = weights("llama", DType.F32)
        .tensor("model.layers.0.self_attn.rotary_emb.inv_freq", DType.F32, new float[4], 4);
    try (Checkpoint checkpoint = Checkpoint.open(write(writer))) {
      assertEquals(TinyModel.shapes("llama").keySet(), checkpoint.tensors().keySet());
    }
  }

  @Test
  void shards() throws IOException {
    config("llama", "");
    try (Checkpoint checkpoint = Checkpoint.open(writeShards("", ""))) {
      assertEquals(TinyModel.shapes("llama").keySet(), checkpoint.tensors().keySet());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"/etc/model.safetensors", "../model.safetensors", "sub/model.safetensors", "..",
      "model..safetensors", "C:model.safetensors", "model.bin", "", "a\\u0000.safetensors", "a\\\\b.safetensors"})
  void shardNamesStayInTheDirectory(String name) throws IOException {
    config("llama", "");
    writeShards("model.norm.weight", name);
    assertMalformed("model.safetensors.index.json: weight_map.model.norm.weight",
        "expected the name of a .safetensors file beside the index", () -> Checkpoint.open(directory));
  }

  @Test
  void theIndexHasToBeTrue() throws IOException {
    config("llama", "");
    writeShards("model.embed_tokens.weight", "model-00002-of-00002.safetensors");
    assertMalformed("model.safetensors.index.json: weight_map.model.embed_tokens.weight",
        "says model-00002-of-00002.safetensors, which does not have it", () -> Checkpoint.open(directory));
    writeShards("model.norm.weight", "model-00003-of-00003.safetensors");
    assertTrue(assertThrows(NoSuchFileException.class, () -> Checkpoint.open(directory)).getMessage()
        .endsWith("model-00003-of-00003.safetensors"));
    Files.writeString(directory.resolve("model.safetensors.index.json"), "{\"weight_map\": {}}");
    assertMalformed("weight_map", "names 0 shards, expected 1 to 1000", () -> Checkpoint.open(directory));
    Files.writeString(directory.resolve("model.safetensors.index.json"), "{\"weight_map\": {\"t\": [1]}}");
    assertMalformed("weight_map.t", "is an array of 1, expected the name", () -> Checkpoint.open(directory));
  }

  @Test
  void aTensorIsInOneShardOnly() throws IOException {
    config("llama", "");
    writeShards("", "");
    Path second = directory.resolve("model-00002-of-00002.safetensors");
    new SafetensorsWriter().tensor("model.embed_tokens.weight", DType.F32, new float[320], 10, 32).write(second);
    assertMalformed("model-00002-of-00002.safetensors: tensor model.embed_tokens.weight", "is in an earlier shard too",
        () -> Checkpoint.open(directory));
  }

  @Test
  void incompleteDirectories() throws IOException {
    assertThrows(NoSuchFileException.class, () -> Checkpoint.open(directory));
    config("llama", "");
    assertUnsupported(directory.toString(), "has neither model.safetensors nor model.safetensors.index.json",
        () -> Checkpoint.open(directory));
    write(new SafetensorsWriter().tensor("model.norm.weight", DType.F32, new float[32], 32));
    assertMalformed("tensor token_embd.weight", "is missing", () -> Checkpoint.open(directory));
    Files.writeString(directory.resolve("config.json"), "{");
    assertMalformed("config.json: text, line 1", "is no valid JSON", () -> Checkpoint.open(directory));
    Files.write(directory.resolve("config.json"), new byte[17_000_000]);
    assertMalformed("config.json: offset 16777216", "expected at most 16777216 bytes", () -> Checkpoint.open(directory));
  }

  @Test
  void unknownAndMisshapenTensors() throws IOException {
    config("llama", "");
    write(weights("llama", DType.F32).tensor("model.layers.0.mlp.experts.w1", DType.F32, new float[1], 1));
    assertUnsupported("model.safetensors: tensor \"model.layers.0.mlp.experts.w1\"", "is not part of a model",
        () -> Checkpoint.open(directory));
    write(weights("llama", DType.F32).tensor("model.layers.2.input_layernorm.weight", DType.F32, new float[32], 32));
    assertUnsupported("tensor blk.2.attn_norm.weight", "is not part of a llama model", () -> Checkpoint.open(directory));
    write(weights("llama", DType.F32));
    Files.writeString(directory.resolve("config.json"),
        Files.readString(directory.resolve("config.json")).replace("\"vocab_size\": 10", "\"vocab_size\": 11"));
    assertMalformed("tensor token_embd.weight", "has the shape [10, 32], expected [11, 32]",
        () -> Checkpoint.open(directory));
  }

  @Test
  void routedBlocks() throws IOException {
    config("llama", """
        , "mod": {"version": 1, "blocks": [1], "capacity": 0.5, "router": "linear", "selection": "topk",
         "combine": "x+r*f", "bypass": "lowrank"}""");
    SafetensorsWriter writer = weights("llama", DType.F32)
        .tensor("model.layers.1.mod_router.weight", DType.F32, new float[32], 1, 32)
        .tensor("model.layers.1.mod_bypass_a.weight", DType.F16, new float[96], 3, 32)
        .tensor("model.layers.1.mod_bypass_b.weight", DType.F16, new float[96], 32, 3);
    try (Checkpoint checkpoint = Checkpoint.open(write(writer))) {
      assertEquals(List.of(1), checkpoint.mod().orElseThrow().blocks());
      assertTrue(checkpoint.tensors().containsKey("blk.1.mod_router.weight"));
      assertTrue(checkpoint.tensors().containsKey("blk.1.mod_bypass_a.weight"));
    }
  }

  @Test
  void chatTemplates() throws IOException {
    assertEquals(Optional.empty(), HuggingFaceTemplate.read(directory));
    Path config = directory.resolve("tokenizer_config.json");
    Files.writeString(config, "{\"bos_token\": {\"content\": \"<s>\"}}");
    assertEquals(Optional.empty(), HuggingFaceTemplate.read(directory));
    Files.writeString(config, "{\"chat_template\": \"one\"}");
    assertEquals(Optional.of("one"), HuggingFaceTemplate.read(directory));
    Files.writeString(config, "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"no\"},"
        + "{\"name\": \"default\", \"template\": \"two\"}]}");
    assertEquals(Optional.of("two"), HuggingFaceTemplate.read(directory));
    Files.writeString(config, "{\"chat_template\": []}");
    assertMalformed("tokenizer_config.json: chat_template", "has no template named default",
        () -> HuggingFaceTemplate.read(directory));
    Files.writeString(config, "{\"chat_template\": 1}");
    assertMalformed("tokenizer_config.json: chat_template", "is 1, expected a string",
        () -> HuggingFaceTemplate.read(directory));
    Files.writeString(directory.resolve("chat_template.jinja"), "three");
    assertEquals(Optional.of("three"), HuggingFaceTemplate.read(directory));
  }
}
