package dev.depths.loader;

import dev.depths.loader.ModelConfig.Rope;

/**
 * In which order a tensor's rows are written. Converters write the query and key rows of llama models in the order in which
 * RoPE turns neighbours, where Hugging Face has those of a pair half a head apart.
 */
@FunctionalInterface
interface RowOrder {
  RowOrder SAME = row -> row;

  /** The source's row that becomes row {@code row}. */
  long source(long row);

  /** The order for a tensor of a model whose GGUF file has the given layout. */
  static RowOrder of(String tensor, ModelConfig config, Rope.Layout layout) {
    boolean turned = tensor.matches("blk\\.\\d+\\.attn_[qk]\\.(weight|bias)");
    if (!turned || layout == config.rope().layout()) {
      return SAME;
    }
    int half = config.headDim() / 2;
    return row -> {
      long within = row % config.headDim();
      return row - within + within % 2 * half + within / 2;
    };
  }
}
