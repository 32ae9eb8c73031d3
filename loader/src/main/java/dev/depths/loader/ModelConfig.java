package dev.depths.loader;

import java.util.Optional;

/**
 * Hyperparameters of a decoder-only transformer of the llama family (RMSNorm, RoPE, grouped-query attention, SwiGLU).
 *
 * @param architecture llama, mistral, mixtral, qwen2, qwen2moe, qwen3 or qwen3moe
 * @param blocks number of transformer blocks
 * @param embedding width of the residual stream (d)
 * @param feedForward width of the hidden layer of an MLP that is not of experts
 * @param heads query heads
 * @param kvHeads key/value heads; divides {@code heads}
 * @param headDim width of one head
 * @param vocabulary rows of the embedding and logits per position
 * @param contextLength most positions the model was made for
 * @param rmsEpsilon epsilon inside the RMSNorm's root
 * @param rope rotary position embedding
 * @param qkvBias whether query, key and value projections have a bias (qwen2, qwen2moe)
 * @param qkNorm whether queries and keys are RMS-normalised per head before RoPE (qwen3, qwen3moe)
 * @param tiedEmbedding whether the output projection is the embedding
 * @param experts the mixture of experts in the place of MLPs, if the model has one
 */
public record ModelConfig(
    String architecture,
    int blocks,
    int embedding,
    int feedForward,
    int heads,
    int kvHeads,
    int headDim,
    int vocabulary,
    int contextLength,
    float rmsEpsilon,
    Rope rope,
    boolean qkvBias,
    boolean qkNorm,
    boolean tiedEmbedding,
    Optional<Experts> experts) {

  /** The mixture of experts of a block, or empty if it has one MLP. */
  public Optional<Experts> experts(int block) {
    return experts.filter(e -> !e.denseBlocks().contains(block));
  }

  /**
   * Rotary position embedding: pair i of a head turns by {@code position * inverseFrequencies[i]} radians. All scaling
   * (linear, llama 3, YaRN, per-pair factors) is already in these numbers.
   *
   * @param layout which two elements of a head form pair i
   * @param inverseFrequencies one per pair; pairs beyond them are not turned
   * @param magnitude factor on sine and cosine (YaRN); 1 otherwise
   */
  public record Rope(Layout layout, float[] inverseFrequencies, float magnitude) {
    /** Which two elements of a head turn together. */
    public enum Layout {
      /** (0, 1), (2, 3), ...: GGUF files of the llama architecture. */
      INTERLEAVED,
      /** (0, n/2), (1, n/2 + 1), ...: Hugging Face checkpoints and GGUF files of the qwen architectures. */
      HALVES
    }
  }
}
