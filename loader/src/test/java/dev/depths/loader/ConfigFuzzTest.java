package dev.depths.loader;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever the text, reading a Hugging Face configuration ends in hyperparameters or in a {@link LoadException}. */
class ConfigFuzzTest {
  static Stream<Arguments> seeds() {
    return Stream.of("""
        {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "vocab_size": 100,
         "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
         "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 512}}""", """
        {"model_type": "mistral", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4, "head_dim": 32,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "vocab_size": 100,
         "sliding_window": 99, "rope_parameters": {"rope_type": "yarn", "factor": 4, "mscale": 1, "mscale_all_dim": 2,
         "beta_fast": 8, "beta_slow": 2}, "mod": {"version": 1, "blocks": [1], "capacity": [0.5], "router": "mlp",
         "selection": "predictor", "combine": "x + r*f"}}""", """
        {"model_type": "mixtral", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "vocab_size": 100,
         "num_local_experts": 8, "num_experts_per_tok": 2}""", """
        {"model_type": "qwen2_moe", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 4,
         "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096, "vocab_size": 100,
         "num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 24, "norm_topk_prob": true,
         "shared_expert_intermediate_size": 40, "mlp_only_layers": [1], "decoder_sparse_step": 2}""")
        .map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.UTF_8)));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void read(byte[] text) {
    try {
      Metadata config = new Metadata("config.json",
          Json.object("config.json", "text", new String(text, StandardCharsets.UTF_8), ""));
      ModReader.read(config, Set.of());
      HuggingFaceConfig.read(config, Map.of());
    } catch (LoadException expected) {
      // What a malformed file is for.
    }
  }
}
