package dev.depths.loader;

import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The mixture of experts of a GGUF model. Keys and defaults are those of llama.cpp ({@code src/models/} llama.cpp,
 * qwen2moe.cpp, qwen3moe.cpp), which for these architectures always takes a softmax, does not scale, and renormalises but
 * for qwen2moe; a file that says otherwise is taken at its word, or refused.
 */
final class GgufExperts {
  private static final int SOFTMAX = 1;

  private final Metadata metadata;
  private final String architecture;

  private GgufExperts(Metadata metadata, String architecture) {
    this.metadata = metadata;
    this.architecture = architecture;
  }

  /**
   * @param tensors the model's; a block with {@code ffn_gate} and without {@code ffn_gate_inp} is dense
   * @param feedForward width of a dense MLP's hidden layer, from which missing widths follow
   */
  static Optional<Experts> read(
      Metadata metadata, String architecture, Map<String, Tensor> tensors, int blocks, int feedForward) {
    return new GgufExperts(metadata, architecture).read(tensors, blocks, feedForward);
  }

  private Optional<Experts> read(Map<String, Tensor> tensors, int blocks, int feedForward) {
    boolean mixture = Architectures.isMixture(architecture);
    String countKey = key("expert_count");
    int count = mixture
        ? metadata.requireInt(countKey, 1, Limits.EXPERTS) : metadata.intOr(countKey, 0, 0, Limits.EXPERTS);
    if (count == 0) {
      return Optional.empty();
    }
    if (!mixture && !architecture.equals("llama")) {
      throw metadata.unsupported(
          countKey + " is " + count + ": experts in a " + architecture + " model are not supported");
    }
    refuseVariants();
    int used = metadata.perBlock(key("expert_used_count"), count);
    boolean qwen = architecture.startsWith("qwen");
    return Optional.of(new Experts(count, used,
        qwen ? width(feedForward, used) : feedForward,
        architecture.equals("qwen2moe")
            ? metadata.intOr(key("expert_shared_feed_forward_length"), feedForward, 1, Limits.WIDTH) : 0,
        metadata.booleanOr(key("expert_weights_norm"), Architectures.normalisesExperts(architecture)),
        denseBlocks(tensors, blocks)));
  }

  private void refuseVariants() {
    long gating = metadata.integer(key("expert_gating_func"), 0, Integer.MAX_VALUE).orElse(0L);
    if (gating != 0 && gating != SOFTMAX) {
      throw metadata.unsupported(key("expert_gating_func") + " is " + gating + "; supported is 1, softmax");
    }
    double scale = metadata.number(key("expert_weights_scale"), -1e6, 1e6).orElse(0.0);
    if (scale != 0 && scale != 1) { // 0 is llama.cpp's way of saying none
      throw metadata.unsupported(key("expert_weights_scale") + " is " + scale + "; supported is 1");
    }
    int groups = metadata.intOr(key("expert_group_count"), 0, 0, Limits.EXPERTS);
    if (groups > 1) {
      throw metadata.unsupported(key("expert_group_count") + " is " + groups + ": groups of experts are not supported");
    }
  }

  /** The width of an expert; the first Qwen models' files leave it out. */
  private int width(int feedForward, int used) {
    String key = key("expert_feed_forward_length");
    if (metadata.has(key)) {
      return metadata.perBlock(key, Limits.WIDTH);
    }
    if (feedForward < used) {
      throw metadata.malformed(key, "is missing");
    }
    return feedForward / used;
  }

  private static Set<Integer> denseBlocks(Map<String, Tensor> tensors, int blocks) {
    Set<Integer> dense = new HashSet<>();
    for (int block = 0; block < blocks; block++) {
      if (tensors.containsKey(ExpertMatrix.GATE.dense(block))
          && !tensors.containsKey("blk." + block + ".ffn_gate_inp.weight")) {
        dense.add(block);
      }
    }
    return dense;
  }

  private String key(String name) {
    return architecture + '.' + name;
  }
}
