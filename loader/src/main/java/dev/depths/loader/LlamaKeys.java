package dev.depths.loader;

import dev.depths.loader.ModelConfig.Rope;
import java.util.Map;
import java.util.Optional;

/**
 * The keys under which a training code writes the hyperparameters of a llama. The codes that need this turn neighbouring
 * elements of heads, as Meta's llama does, by frequencies of base 10000, and leave widths to be told from the tensors.
 *
 * @param width of the residual stream
 * @param kvHeads absent or 0 in a configuration for as many as there are heads
 * @param context most positions, {@code defaultContext} where it is not written
 * @param epsilon of RMSNorm, {@code defaultEpsilon} where it is not written
 */
record LlamaKeys(String width, String heads, String kvHeads, String blocks, String context, int defaultContext,
    String epsilon, double defaultEpsilon) {
  static final RopeSource ROPE = new RopeSource(10000, new RopeScaling.None());

  /**
   * Hyperparameters of a configuration.
   *
   * @param tensors by GGUF's names
   */
  ModelConfig read(Metadata config, Map<String, Tensor> tensors) {
    int d = config.requireInt(width, 1, Limits.WIDTH);
    int h = config.requireInt(heads, 1, Limits.HEADS);
    int kv = config.integer(kvHeads, 0, Limits.HEADS).filter(n -> n > 0).map(Long::intValue).orElse(h);
    if (h % kv != 0) {
      throw config.malformed(kvHeads, "is " + kv + ", expected a divisor of " + h);
    }
    if (d % (2 * h) != 0) {
      throw config.malformed(heads, "is " + h + ", expected heads of an even width in " + width + " " + d);
    }
    int vocabulary = config.integer("vocab_size", -1, Limits.VOCABULARY).filter(n -> n > 0).map(Long::intValue)
        .orElseGet(() -> rows(config, tensors, "token_embd.weight", Limits.VOCABULARY));
    return new ModelConfig("llama", blocks(config), d, rows(config, tensors, "blk.0.ffn_gate.weight", Limits.WIDTH), h, kv,
        d / h, vocabulary, config.intOr(context, defaultContext, 1, Integer.MAX_VALUE),
        config.number(epsilon, 0, 1).orElse(defaultEpsilon).floatValue(),
        ROPE.rope(Rope.Layout.INTERLEAVED, d / h),
        tensors.containsKey("blk.0.attn_q.bias"), false, !tensors.containsKey("output.weight"), Optional.empty());
  }

  int blocks(Metadata config) {
    return config.requireInt(blocks, 1, Limits.BLOCKS);
  }

  private static int rows(Metadata config, Map<String, Tensor> tensors, String name, int most) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw config.malformed("tensor " + name, "is missing");
    }
    if (tensor.rows() > most) {
      throw config.malformed("tensor " + name, "has " + tensor.rows() + " rows, expected at most " + most);
    }
    return (int) tensor.rows();
  }
}
