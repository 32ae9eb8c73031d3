package dev.depths.loader;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** The tensors of a {@link TinyModel}, by Hugging Face's names. */
final class HuggingFaceTensors {
  private static final Map<String, String> NAMES = new LinkedHashMap<>();
  private static final Map<String, String> MIXTRAL =
      Map.of("ffn_gate", "w1", "ffn_down", "w2", "ffn_up", "w3", "ffn_gate_inp", "gate");
  private static final Map<String, String> QWEN = Map.of("ffn_gate", "gate_proj", "ffn_down", "down_proj", "ffn_up",
      "up_proj", "ffn_gate_inp", "gate", "ffn_gate_inp_shexp", "shared_expert_gate",
      "ffn_gate_shexp", "shared_expert.gate_proj", "ffn_down_shexp", "shared_expert.down_proj",
      "ffn_up_shexp", "shared_expert.up_proj");

  static {
    NAMES.put("attn_norm", "input_layernorm");
    NAMES.put("attn_q_norm", "self_attn.q_norm");
    NAMES.put("attn_k_norm", "self_attn.k_norm");
    NAMES.put("attn_q", "self_attn.q_proj");
    NAMES.put("attn_k", "self_attn.k_proj");
    NAMES.put("attn_v", "self_attn.v_proj");
    NAMES.put("attn_output", "self_attn.o_proj");
    NAMES.put("ffn_norm", "post_attention_layernorm");
  }

  private HuggingFaceTensors() {}

  static Map<String, long[]> shapes(String architecture) {
    return TinyModel.separate(TinyModel.shapes(Architectures.ofModelType(architecture)));
  }

  static SafetensorsWriter weights(String architecture, DType type) {
    SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
    shapes(architecture).forEach((name, shape) -> add(writer, architecture, name, shape, type));
    return writer;
  }

  /** Adds a tensor of elements 0.5. */
  static void add(SafetensorsWriter writer, String architecture, String ggufName, long[] shape, DType type) {
    float[] values = new float[TinyModel.elements(shape)];
    Arrays.fill(values, 0.5f);
    long[] theirs = ggufName.contains("_inp_shexp") ? new long[] {1, shape[0]} : shape;
    writer.tensor(theirName(architecture, ggufName), type, values, theirs);
  }

  static String theirName(String architecture, String ggufName) {
    String[] parts = ggufName.split("\\.");
    return switch (parts[0]) {
      case "token_embd" -> "model.embed_tokens.weight";
      case "output_norm" -> "model.norm.weight";
      case "output" -> "lm_head.weight";
      default -> "model.layers." + parts[1] + '.' + inBlock(architecture.equals("mixtral"), parts) + '.'
          + parts[parts.length - 1];
    };
  }

  private static String inBlock(boolean mixtral, String[] parts) {
    String known = NAMES.get(parts[2]);
    return known != null ? known : (mixtral ? "block_sparse_moe." : "mlp.")
        + (parts.length == 5 ? "experts." + parts[3] + '.' : "") + (mixtral ? MIXTRAL : QWEN).get(parts[2]);
  }
}
