package dev.depths.loader;

import java.util.Set;

/**
 * A mixture of experts in the place of a block's MLP. The router {@code ffn_gate_inp} [count, d] scores the experts for
 * each token; a softmax over all scores gives their weights, and the outputs of the {@code used} experts of the largest
 * weights are added, each times its weight. A shared expert computes every token, and what it gives is added times {@code
 * sigmoid(w·x)}, w being {@code ffn_gate_inp_shexp} [d]. So in llama.cpp (build_moe_ffn in {@code src/llama-graph.cpp}; in
 * {@code src/models} llama.cpp, qwen2moe.cpp, qwen3moe.cpp) and Hugging Face transformers (MixtralSparseMoeBlock,
 * Qwen2MoeSparseMoeBlock, Qwen3MoeSparseMoeBlock).
 *
 * @param count experts of a block (E), without the shared one
 * @param used experts that compute a token
 * @param feedForward width of an expert's hidden layer
 * @param sharedFeedForward width of the shared expert's hidden layer; 0 if there is none
 * @param normalised whether the weights of a token's experts are divided by their sum
 * @param denseBlocks ids of the blocks that have one MLP and no experts
 */
public record Experts(
    int count, int used, int feedForward, int sharedFeedForward, boolean normalised, Set<Integer> denseBlocks) {

  /**
   * @throws IllegalArgumentException if a number is not positive, but for the shared expert's 0, or {@code used} is more
   *     than {@code count}
   */
  public Experts {
    denseBlocks = Set.copyOf(denseBlocks);
    if (used < 1 || used > count || feedForward < 1 || sharedFeedForward < 0) {
      throw new IllegalArgumentException(
          used + " of " + count + " experts of width " + feedForward + ", shared " + sharedFeedForward);
    }
  }
}
