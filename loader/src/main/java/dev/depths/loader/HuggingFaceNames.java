package dev.depths.loader;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Hugging Face's tensor names and the names that GGUF gives to the same tensors. */
final class HuggingFaceNames {
  private static final Map<String, String> MODEL = Map.of(
      "model.embed_tokens.weight", "token_embd.weight",
      "model.norm.weight", "output_norm.weight",
      "lm_head.weight", "output.weight");
  private static final Map<String, String> BLOCK = Map.ofEntries(
      Map.entry("input_layernorm", "attn_norm"),
      Map.entry("self_attn.q_proj", "attn_q"),
      Map.entry("self_attn.k_proj", "attn_k"),
      Map.entry("self_attn.v_proj", "attn_v"),
      Map.entry("self_attn.o_proj", "attn_output"),
      Map.entry("self_attn.q_norm", "attn_q_norm"),
      Map.entry("self_attn.k_norm", "attn_k_norm"),
      Map.entry("post_attention_layernorm", "ffn_norm"),
      Map.entry("mlp.gate_proj", "ffn_gate"),
      Map.entry("mlp.up_proj", "ffn_up"),
      Map.entry("mlp.down_proj", "ffn_down"),
      Map.entry("block_sparse_moe.gate", "ffn_gate_inp"),
      Map.entry("mlp.gate", "ffn_gate_inp"),
      Map.entry("mlp.shared_expert_gate", "ffn_gate_inp_shexp"),
      Map.entry("mlp.shared_expert.gate_proj", "ffn_gate_shexp"),
      Map.entry("mlp.shared_expert.up_proj", "ffn_up_shexp"),
      Map.entry("mlp.shared_expert.down_proj", "ffn_down_shexp"));
  private static final Pattern BLOCK_TENSOR = Pattern.compile("model\\.layers\\.(\\d{1,4})\\.(.+)\\.(weight|bias)");
  private static final Map<String, ExpertMatrix> EXPERT = Map.of(
      "block_sparse_moe.w1", ExpertMatrix.GATE, "block_sparse_moe.w3", ExpertMatrix.UP,
      "block_sparse_moe.w2", ExpertMatrix.DOWN, "mlp.gate_proj", ExpertMatrix.GATE, "mlp.up_proj", ExpertMatrix.UP,
      "mlp.down_proj", ExpertMatrix.DOWN);
  private static final Pattern EXPERT_TENSOR =
      Pattern.compile("model\\.layers\\.(\\d{1,4})\\.(\\w+)\\.experts\\.(\\d{1,4})\\.(\\w+)\\.weight");
  /** Routers, predictors and bypasses are named as in GGUF files, a block's own or shared by all. */
  private static final Pattern ROUTER = Pattern.compile("model\\.(?:layers\\.(\\d{1,4})\\.)?"
      + "(mod_(?:attn_|mlp_)?(?:(?:router|predictor)(?:_up|_norm|_down)?\\.(?:weight|bias)|bypass_[ab]\\.weight))");
  /** Tables that old checkpoints saved and that follow from the configuration. */
  private static final Pattern DERIVED = Pattern.compile("model\\.layers\\.\\d+\\.self_attn\\.rotary_emb\\.inv_freq");

  private HuggingFaceNames() {}

  /**
   * GGUF's name of a tensor, or empty if nothing needs it.
   *
   * @param source the name in the file, for messages
   * @throws UnsupportedModelException if the tensor is not known
   */
  static Optional<String> toGguf(Object file, String name, String source) {
    if (MODEL.containsKey(name)) {
      return Optional.of(MODEL.get(name));
    }
    Matcher block = BLOCK_TENSOR.matcher(name);
    if (block.matches() && BLOCK.containsKey(block.group(2))) {
      int number = Integer.parseInt(block.group(1));
      return Optional.of("blk." + number + '.' + BLOCK.get(block.group(2)) + '.' + block.group(3));
    }
    Matcher expert = EXPERT_TENSOR.matcher(name);
    if (expert.matches() && EXPERT.containsKey(expert.group(2) + '.' + expert.group(4))) {
      return Optional.of(EXPERT.get(expert.group(2) + '.' + expert.group(4))
          .single(Integer.parseInt(expert.group(1)), Integer.parseInt(expert.group(3))));
    }
    Matcher router = ROUTER.matcher(name);
    if (router.matches()) {
      String prefix = router.group(1) == null ? "" : "blk." + Integer.parseInt(router.group(1)) + '.';
      return Optional.of(prefix + router.group(2));
    }
    if (DERIVED.matcher(name).matches()) {
      return Optional.empty();
    }
    throw new UnsupportedModelException(
        file, "tensor " + Metadata.shown(source) + " is not part of a model as Depths runs it");
  }
}
