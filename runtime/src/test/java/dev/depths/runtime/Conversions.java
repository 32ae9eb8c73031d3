package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.depths.loader.DType;
import dev.depths.loader.GgufConversion;
import dev.depths.loader.ModelConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** What tests of conversion have in common: directories to convert, and logits of both sides. */
final class Conversions {
  private static final Map<String, String> NAMES = Map.ofEntries(
      Map.entry("attn_norm", "input_layernorm"), Map.entry("attn_q", "self_attn.q_proj"),
      Map.entry("attn_k", "self_attn.k_proj"), Map.entry("attn_v", "self_attn.v_proj"),
      Map.entry("attn_output", "self_attn.o_proj"), Map.entry("attn_q_norm", "self_attn.q_norm"),
      Map.entry("attn_k_norm", "self_attn.k_norm"), Map.entry("ffn_norm", "post_attention_layernorm"),
      Map.entry("ffn_gate", "mlp.gate_proj"), Map.entry("ffn_up", "mlp.up_proj"), Map.entry("ffn_down", "mlp.down_proj"),
      Map.entry("mod_router", "mod_router"));

  private Conversions() {}

  /** Hugging Face's name of a tensor, by GGUF's. */
  static String huggingFaceName(String name) {
    String[] parts = name.split("\\.");
    return switch (parts[0]) {
      case "token_embd" -> "model.embed_tokens.weight";
      case "output_norm" -> "model.norm.weight";
      case "output" -> "lm_head.weight";
      default -> "model.layers." + parts[1] + '.' + NAMES.get(parts[2]) + '.' + parts[3];
    };
  }

  /** Hugging Face's {@code config.json} of a model, with more members, which begin with a comma. */
  static String huggingFaceConfig(String modelType, ModelConfig c, String more) {
    return """
        {"model_type": "%s", "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": %d,
        "num_attention_heads": %d, "num_key_value_heads": %d, "head_dim": %d, "max_position_embeddings": 2048,
        "vocab_size": %d, "rms_norm_eps": 1e-5, "rope_theta": 10000.0%s}"""
        .formatted(modelType, c.embedding(), c.feedForward(), c.blocks(), c.heads(), c.kvHeads(), c.headDim(),
            c.vocabulary(), more);
  }

  /** @param adapter to merge, or null; @param type of matrices, or null */
  static void convert(Path source, Path adapter, DType type, Path out) throws IOException {
    try (GgufConversion conversion =
        GgufConversion.open(source, Optional.ofNullable(adapter), Optional.ofNullable(type))) {
      conversion.write(out, done -> {});
    }
  }

  /** Logits of a prefill in exact mode. */
  static float[][] logits(Path model, Path adapter, Routing routing, int... tokens) throws IOException {
    ModelOptions options = ModelOptions.defaults().withThreads(2).withExact(true);
    try (Model opened = Model.open(model, adapter == null ? options : options.withAdapter(adapter));
        Session session = opened.newSession(SessionOptions.defaults().withRouting(routing))) {
      return Logits.prefill(session, opened.config().vocabulary(), tokens);
    }
  }

  static void assertSame(float[][] expected, float[][] actual) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      assertArrayEquals(expected[i], actual[i]);
    }
  }
}
