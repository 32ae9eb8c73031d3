package dev.depths.loader;

/** What importers of LLaVA's language models have in common: text alone is run, and what sees images is left out. */
final class Llava {
  private Llava() {}

  /** The configuration with the type of the language model alone: llama of {@code mod_llava_llama}. */
  static Metadata language(Metadata config) {
    return HuggingFaceConfig.ofType(config, "^p?mod_llava_");
  }

  /** Rules to which a training code adds those of its own tensors. */
  static TensorNames names() {
    return new TensorNames().drop("model\\.(?:vision_tower|mm_projector)\\..+|model\\.image_newline");
  }
}
