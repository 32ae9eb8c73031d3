package dev.depths.loader;

import java.nio.file.Path;

/**
 * Writes the hyperparameters of a Hugging Face model under GGUF's keys, as llama.cpp's {@code convert_hf_to_gguf.py} does;
 * {@link GgufConfig} reads them back.
 */
final class HuggingFaceParameters {
  private final GgufWriter out;
  private final ModelConfig model;
  private final String architecture;

  private HuggingFaceParameters(GgufWriter out, ModelConfig model) {
    this.out = out;
    this.model = model;
    this.architecture = Architectures.ggufName(model.architecture());
  }

  /**
   * @param fileType the number that says what most weights are
   * @throws UnsupportedModelException if GGUF has no word for what the model computes
   */
  static void write(Path directory, ModelConfig model, RopeSource rope, int fileType, GgufWriter out) {
    new HuggingFaceParameters(out, model).write(directory, rope, fileType);
  }

  private void write(Path directory, RopeSource rope, int fileType) {
    out.put("general.architecture", architecture)
        .put("general.type", "model")
        .put("general.name", directory.toAbsolutePath().normalize().getFileName().toString());
    put("block_count", model.blocks());
    put("context_length", model.contextLength());
    put("embedding_length", model.embedding());
    put("feed_forward_length", model.feedForward());
    put("attention.head_count", model.heads());
    put("attention.head_count_kv", model.kvHeads());
    put("attention.key_length", model.headDim());
    put("attention.value_length", model.headDim());
    put("attention.layer_norm_rms_epsilon", model.rmsEpsilon());
    put("vocab_size", model.vocabulary());
    put("rope.dimension_count", model.headDim());
    put("rope.freq_base", (float) rope.base());
    scaling(rope);
    model.experts().ifPresent(experts -> experts(directory, experts));
    out.put("general.file_type", fileType).put("general.quantization_version", StorageTypes.QUANTIZATION_VERSION);
  }

  private void scaling(RopeSource rope) {
    switch (rope.scaling()) {
      case RopeScaling.None _ -> {}
      case RopeScaling.Linear linear -> {
        put("rope.scaling.type", "linear");
        put("rope.scaling.factor", (float) linear.factor());
      }
      case RopeScaling.Yarn yarn -> yarn(yarn);
      // GGUF has no key for it, but a tensor that divides the frequencies.
      case RopeScaling.Llama3 llama3 ->
          out.tensor("rope_freqs.weight", llama3.divisors(rope.base(), model.headDim()), model.headDim() / 2);
    }
  }

  private void yarn(RopeScaling.Yarn yarn) {
    put("rope.scaling.type", "yarn");
    put("rope.scaling.factor", (float) yarn.factor());
    put("rope.scaling.original_context_length", (int) yarn.context());
    put("rope.scaling.yarn_beta_fast", (float) yarn.betaFast());
    put("rope.scaling.yarn_beta_slow", (float) yarn.betaSlow());
    float attention = (float) (yarn.magnitude() / RopeScaling.Yarn.magnitude(yarn.factor()));
    if (attention != 1) {
      put("rope.scaling.attn_factor", attention);
    }
  }

  private void experts(Path directory, Experts experts) {
    if (experts.normalised() != Architectures.normalisesExperts(architecture)) {
      throw new UnsupportedModelException(directory, "norm_topk_prob is " + experts.normalised()
          + ", where GGUF files of the architecture " + architecture + " are run as if it were "
          + Architectures.normalisesExperts(architecture));
    }
    put("expert_count", experts.count());
    put("expert_used_count", experts.used());
    if (!architecture.equals("llama")) { // whose experts are as wide as its MLP
      put("expert_feed_forward_length", experts.feedForward());
    }
    if (experts.sharedFeedForward() > 0) {
      put("expert_shared_feed_forward_length", experts.sharedFeedForward());
    }
  }

  private void put(String name, Object value) {
    out.put(architecture + '.' + name, value);
  }
}
