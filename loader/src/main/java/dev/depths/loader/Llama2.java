package dev.depths.loader;

/** Keys and tensor names of Meta's Llama 2 code, which some training codes keep ({@code llama/model.py}). */
final class Llama2 {
  static final LlamaKeys KEYS =
      new LlamaKeys("dim", "n_heads", "n_kv_heads", "n_layers", "max_seq_len", 2048, "norm_eps", 1e-5);

  private static final String LAYER = "layers\\.(\\d+)\\.";
  private static final String OURS = "model.layers.$1.";

  private Llama2() {}

  /** Rules to which a training code adds those of its own tensors. */
  static TensorNames names() {
    return new TensorNames()
        .to("tok_embeddings\\.weight", "model.embed_tokens.weight")
        .to("norm\\.weight", "model.norm.weight")
        .to("output\\.weight", "lm_head.weight")
        .to(LAYER + "attention\\.w([qkvo])\\.weight", OURS + "self_attn.$2_proj.weight")
        .to(LAYER + "feed_forward\\.w1\\.weight", OURS + "mlp.gate_proj.weight")
        .to(LAYER + "feed_forward\\.w2\\.weight", OURS + "mlp.down_proj.weight")
        .to(LAYER + "feed_forward\\.w3\\.weight", OURS + "mlp.up_proj.weight")
        .to(LAYER + "attention_norm\\.weight", OURS + "input_layernorm.weight")
        .to(LAYER + "ffn_norm\\.weight", OURS + "post_attention_layernorm.weight")
        .drop("rope\\.freqs");
  }
}
