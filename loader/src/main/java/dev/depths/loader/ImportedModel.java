package dev.depths.loader;

import java.util.Optional;
import java.util.SequencedMap;

/**
 * A directory's model in Depths' terms.
 *
 * @param config hyperparameters
 * @param rope what the configuration's rotary embedding is made of
 * @param tensors by GGUF's names
 * @param mod the semantics of its routed blocks, if it has any
 * @param note what people should know of where it comes from and what is left out; empty for a plain Hugging Face model
 */
record ImportedModel(ModelConfig config, RopeSource rope, SequencedMap<String, Tensor> tensors, Optional<ModDescriptor> mod,
    Optional<String> note) {

  /** A model whose configuration is Hugging Face's. */
  static ImportedModel huggingFace(Metadata config, SequencedMap<String, Tensor> tensors, Optional<ModDescriptor> mod,
      Optional<String> note) {
    if (HuggingFaceConfig.tied(config, tensors)) {
      tensors.remove("output.weight");
    }
    return new ImportedModel(HuggingFaceConfig.read(config, tensors), HuggingFaceConfig.rope(config), tensors, mod, note);
  }

  /** A llama whose configuration has keys of its own. */
  static ImportedModel llama(LlamaKeys keys, Metadata config, SequencedMap<String, Tensor> tensors,
      Optional<ModDescriptor> mod, Optional<String> note) {
    return new ImportedModel(keys.read(config, tensors), LlamaKeys.ROPE, tensors, mod, note);
  }
}
