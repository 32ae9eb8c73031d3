package dev.depths.loader;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The mixture of experts of a Hugging Face model; keys, defaults, and which blocks are dense as in transformers' {@code
 * configuration_} and {@code modeling_} of mixtral, qwen2_moe and qwen3_moe.
 */
final class HuggingFaceExperts {
  private final Metadata config;

  private HuggingFaceExperts(Metadata config) {
    this.config = config;
  }

  /**
   * @param architecture by GGUF's name
   * @param feedForward width of a dense MLP's hidden layer, and of a Mixtral expert's
   */
  static Optional<Experts> read(Metadata config, String architecture, int blocks, int feedForward) {
    if (!Architectures.isMixture(architecture)) {
      return Optional.empty();
    }
    HuggingFaceExperts reader = new HuggingFaceExperts(config);
    return Optional.of(architecture.equals("mixtral")
        ? reader.mixtral(feedForward) : reader.qwen(architecture.equals("qwen2moe"), blocks));
  }

  private Experts mixtral(int feedForward) {
    int count = config.requireInt("num_local_experts", 1, Limits.EXPERTS);
    return new Experts(count, used(count), feedForward, 0, true, Set.of());
  }

  private Experts qwen(boolean shared, int blocks) {
    int count = config.requireInt("num_experts", 1, Limits.EXPERTS);
    return new Experts(count, used(count),
        config.requireInt("moe_intermediate_size", 1, Limits.WIDTH),
        shared ? config.requireInt("shared_expert_intermediate_size", 1, Limits.WIDTH) : 0,
        config.booleanOr("norm_topk_prob", false), denseBlocks(blocks));
  }

  private int used(int count) {
    return config.requireInt("num_experts_per_tok", 1, count);
  }

  private Set<Integer> denseBlocks(int blocks) {
    Set<Integer> dense = new HashSet<>();
    for (Object id : config.list("mlp_only_layers").orElse(List.of())) {
      if (!(id instanceof Long block) || block < 0 || block >= blocks) {
        throw config.malformed(
            "mlp_only_layers", "holds " + Metadata.shown(id) + ", expected block ids from 0 to " + (blocks - 1));
      }
      dense.add(block.intValue());
    }
    int step = config.intOr("decoder_sparse_step", 1, 1, Integer.MAX_VALUE);
    for (int block = 0; block < blocks; block++) {
      if ((block + 1) % step != 0) {
        dense.add(block);
      }
    }
    return dense;
  }
}
