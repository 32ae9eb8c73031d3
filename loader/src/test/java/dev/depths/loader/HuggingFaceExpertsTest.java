package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HuggingFaceExpertsTest {
  /** A configuration as transformers writes it, some members replaced or added, or taken out with null. */
  private static ModelConfig read(String type, String members) {
    Map<String, Object> base = Json.object("config.json", "text", """
        {"model_type": "%s", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 4,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "vocab_size": 100,
         "num_experts_per_tok": 2, "%s": 8, "moe_intermediate_size": 96, "shared_expert_intermediate_size": 160,
         "sliding_window": 1024}""".formatted(type, type.equals("mixtral") ? "num_local_experts" : "num_experts"), "");
    Map<String, Object> changes = Json.object("config.json", "text", "{" + members.replace('\'', '"') + "}", "");
    base.putAll(changes);
    return HuggingFaceConfig.read(new Metadata("config.json", base), Map.of());
  }

  private static Experts experts(String type, String members) {
    return read(type, members).experts().orElseThrow();
  }

  private static void assertRefused(String where, String problem, String type, String members) {
    assertMalformed("config.json: " + where, problem, () -> read(type, members));
  }

  @Test
  void eachArchitecture() {
    assertEquals(new Experts(8, 2, 512, 0, true, Set.of()), experts("mixtral", ""));
    assertEquals(new Experts(8, 2, 96, 160, false, Set.of()), experts("qwen2_moe", ""));
    assertEquals(new Experts(8, 2, 96, 0, false, Set.of()), experts("qwen3_moe", ""));
    assertEquals(new Experts(8, 2, 96, 0, true, Set.of()), experts("qwen3_moe", "'norm_topk_prob': true"));
    assertEquals("mixtral", read("mixtral", "").architecture());
    assertEquals("qwen2moe", read("qwen2_moe", "").architecture());
    assertEquals("qwen3moe", read("qwen3_moe", "").architecture());
    assertEquals(Optional.empty(), read("qwen2", "").experts());
  }

  @Test
  void defaultsOfMixtral() {
    ModelConfig config = read("mixtral", "");
    assertEquals(1e-5f, config.rmsEpsilon());
    assertEquals((float) Math.pow(1e6, -2.0 / 64), config.rope().inverseFrequencies()[1]);
    assertEquals(1024, config.contextLength());
    assertEquals(4096, read("qwen3_moe", "").contextLength());
  }

  @Test
  void blocksWithoutExperts() {
    assertEquals(Set.of(0, 2), experts("qwen3_moe", "'decoder_sparse_step': 2").denseBlocks());
    assertEquals(Set.of(0, 2, 3),
        experts("qwen2_moe", "'decoder_sparse_step': 2, 'mlp_only_layers': [3, 0]").denseBlocks());
    assertEquals(Optional.empty(), read("qwen2_moe", "'mlp_only_layers': [1]").experts(1));
    assertEquals(8, read("qwen2_moe", "'mlp_only_layers': [1]").experts(2).orElseThrow().count());
  }

  @ParameterizedTest
  @ValueSource(strings = {"4", "-1", "1.0", "'1'", "[1]"})
  void blocksWithoutExpertsExist(String id) {
    assertRefused("mlp_only_layers", "expected block ids from 0 to 3", "qwen3_moe", "'mlp_only_layers': [" + id + "]");
    assertRefused("mlp_only_layers", "expected an array", "qwen3_moe", "'mlp_only_layers': 1");
    assertRefused("decoder_sparse_step", "is 0, expected 1 to", "qwen3_moe", "'decoder_sparse_step': 0");
  }

  @ParameterizedTest
  @CsvSource({"mixtral, num_local_experts", "qwen2_moe, num_experts", "qwen2_moe, shared_expert_intermediate_size",
      "qwen3_moe, num_experts_per_tok", "qwen3_moe, moe_intermediate_size"})
  void countsAreSmallPositiveIntegers(String type, String key) {
    assertRefused(key, "is 0, expected 1 to", type, "'" + key + "': 0");
    assertRefused(key, "is 2000000000, expected 1 to", type, "'" + key + "': 2000000000");
    assertRefused(key, "expected an integer", type, "'" + key + "': 2.5");
  }

  @Test
  void values() {
    assertRefused("num_experts_per_tok", "is 9, expected 1 to 8", "qwen3_moe", "'num_experts_per_tok': 9");
    assertRefused("num_experts", "is 513, expected 1 to 512", "qwen3_moe", "'num_experts': 513");
    assertRefused("norm_topk_prob", "is 1, expected true or false", "qwen3_moe", "'norm_topk_prob': 1");
    assertRefused("num_local_experts", "is missing", "qwen2", "'model_type': 'mixtral'");
  }

  @Test
  void namesOfTensors() {
    assertEquals(Optional.of("blk.3.ffn_down.11.weight"),
        toGguf("model.layers.3.block_sparse_moe.experts.11.w2.weight"));
    assertEquals(Optional.of("blk.3.ffn_up.0.weight"),
        toGguf("model.layers.3.mlp.experts.0.up_proj.weight"));
    for (String name : new String[] {"mlp.experts.0.w1.weight", "block_sparse_moe.experts.0.gate_proj.weight",
        "mlp.experts.0.up_proj.bias", "mlp.experts.10000.up_proj.weight", "mlp.experts.gate_up_proj"}) {
      assertUnsupported("tensor \"model.layers.0.", "is not part of a model",
          () -> toGguf("model.layers.0." + name));
    }
  }

  private static Optional<String> toGguf(String name) {
    return HuggingFaceNames.toGguf("f", name, name);
  }
}
