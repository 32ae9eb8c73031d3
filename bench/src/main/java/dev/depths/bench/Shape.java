package dev.depths.bench;

import dev.depths.loader.ModelConfig;
import dev.depths.loader.ModelConfig.Rope;
import java.util.Optional;

/** Shapes of models that benchmarks build in memory. */
public enum Shape {
  /** SmolLM2-135M. */
  SMOLLM2_135M(30, 576, 1536, 9, 3, 64, 49_152),
  /** For tests: every benchmark runs in no time. */
  TINY(4, 64, 96, 4, 2, 16, 64);

  private final ModelConfig config;

  Shape(int blocks, int embedding, int feedForward, int heads, int kvHeads, int headDim, int vocabulary) {
    config = config(blocks, embedding, feedForward, heads, kvHeads, headDim, vocabulary);
  }

  /** The whole model. */
  public ModelConfig config() {
    return config;
  }

  /** Some of its blocks alone: with a vocabulary so small that the embedding and the logits cost nothing. */
  public ModelConfig blocks(int n) {
    ModelConfig c = config;
    return config(n, c.embedding(), c.feedForward(), c.heads(), c.kvHeads(), c.headDim(), 32);
  }

  private static ModelConfig config(int blocks, int embedding, int feedForward, int heads, int kvHeads, int headDim,
      int vocabulary) {
    float[] frequencies = new float[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = (float) Math.pow(100_000, -2.0 * i / headDim);
    }
    return new ModelConfig("llama", blocks, embedding, feedForward, heads, kvHeads, headDim, vocabulary, 8192, 1e-5f,
        new Rope(Rope.Layout.INTERLEAVED, frequencies, 1), false, false, true, Optional.empty());
  }
}
