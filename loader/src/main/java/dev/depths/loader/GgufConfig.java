package dev.depths.loader;

import dev.depths.loader.ModelConfig.Rope;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Hyperparameters from GGUF metadata and the presence of optional tensors. */
final class GgufConfig {
  private final Metadata metadata;
  private final Map<String, Tensor> tensors;
  private final String architecture;

  private GgufConfig(Metadata metadata, Map<String, Tensor> tensors) {
    this.metadata = metadata;
    this.tensors = tensors;
    this.architecture = metadata.string("general.architecture")
        .orElseThrow(() -> metadata.malformed("general.architecture", "is missing"));
  }

  static ModelConfig read(Metadata metadata, Map<String, Tensor> tensors) {
    return new GgufConfig(metadata, tensors).read();
  }

  private ModelConfig read() {
    Rope.Layout layout = Architectures.ggufLayout(metadata.file(), architecture);
    int blocks = metadata.requireInt(key("block_count"), 1, Limits.BLOCKS);
    int embedding = metadata.requireInt(key("embedding_length"), 1, Limits.WIDTH);
    int feedForward = metadata.perBlock(key("feed_forward_length"), Limits.WIDTH);
    int heads = metadata.perBlock(key("attention.head_count"), Limits.HEADS);
    String kvHeadsKey = key("attention.head_count_kv");
    int kvHeads = metadata.has(kvHeadsKey) ? metadata.perBlock(kvHeadsKey, Limits.HEADS) : heads;
    if (heads % kvHeads != 0) {
      throw metadata.malformed(kvHeadsKey, "is " + kvHeads + ", expected a divisor of " + heads);
    }
    int headDim = headDim(embedding, heads);
    double epsilon = metadata.number(key("attention.layer_norm_rms_epsilon"), 0, 1)
        .orElseThrow(() -> metadata.malformed(key("attention.layer_norm_rms_epsilon"), "is missing"));
    int context = metadata.requireInt(key("context_length"), 1, Integer.MAX_VALUE);
    int window = metadata.intOr(key("attention.sliding_window"), 0, 0, Integer.MAX_VALUE);
    return new ModelConfig(architecture, blocks, embedding, feedForward, heads, kvHeads, headDim, vocabulary(),
        // Within the window sliding attention is full attention; beyond it is not supported.
        window > 0 ? Math.min(window, context) : context,
        (float) epsilon, rope(layout, headDim, context), tensors.containsKey("blk.0.attn_q.bias"),
        tensors.containsKey("blk.0.attn_q_norm.weight"), !tensors.containsKey("output.weight"),
        GgufExperts.read(metadata, architecture, tensors, blocks, feedForward));
  }

  private int headDim(int embedding, int heads) {
    int headDim = metadata.intOr(key("attention.key_length"), embedding / heads, 1, Limits.WIDTH);
    if (!metadata.has(key("attention.key_length")) && embedding % heads != 0) {
      throw metadata.malformed(
          key("attention.head_count"), "is " + heads + ", expected a divisor of the embedding's width " + embedding);
    }
    int valueDim = metadata.intOr(key("attention.value_length"), headDim, 1, Limits.WIDTH);
    if (valueDim != headDim) {
      throw metadata.unsupported(key("attention.value_length") + " is " + valueDim + " where keys have " + headDim
          + ": values of another width than keys are not supported");
    }
    return headDim;
  }

  private int vocabulary() {
    Tensor embedding = tensors.get("token_embd.weight");
    Optional<List<?>> tokens = metadata.list("tokenizer.ggml.tokens");
    if (embedding == null && !tensors.isEmpty()) {
      throw metadata.malformed("tensor token_embd.weight", "is missing");
    }
    if (embedding == null) {
      return tokens.map(List::size).orElseGet(() -> metadata.requireInt(key("vocab_size"), 1, Limits.VOCABULARY));
    }
    long rows = embedding.rows();
    if (rows > Limits.VOCABULARY) {
      throw metadata.malformed("token_embd.weight", "has " + rows + " rows, expected at most " + Limits.VOCABULARY);
    }
    if (tokens.isPresent() && tokens.get().size() != rows) {
      throw metadata.malformed("tokenizer.ggml.tokens",
          "has " + tokens.get().size() + " tokens, expected one for each of the embedding's " + rows + " rows");
    }
    return (int) rows;
  }

  private Rope rope(Rope.Layout layout, int headDim, int context) {
    double base = metadata.number(key("rope.freq_base"), 1.001, 1e12).orElse(10000.0);
    int dimensions = metadata.intOr(key("rope.dimension_count"), headDim, 1, Limits.WIDTH);
    if (dimensions != headDim || dimensions % 2 != 0) {
      throw metadata.unsupported(key("rope.dimension_count") + " is " + dimensions + " where a head has " + headDim
          + ": only rotating all of a head, of even width, is supported");
    }
    return scaling(context).rope(layout, base, dimensions, factors(dimensions / 2));
  }

  private RopeScaling scaling(int context) {
    String type = metadata.string(key("rope.scaling.type")).orElse("linear");
    String factorKey = metadata.has(key("rope.scaling.factor")) ? key("rope.scaling.factor") : key("rope.scale_linear");
    double factor = metadata.number(factorKey, 0, 1e6).orElse(0.0);
    if (factor == 0) {
      factor = 1; // llama.cpp's way of saying none
    } else if (factor < 1e-6) {
      throw metadata.malformed(factorKey, "is " + factor + ", expected 0 or at least 1e-6");
    }
    double attention = metadata.number(key("rope.scaling.attn_factor"), 1e-6, 1e6).orElse(1.0);
    if (attention != 1 && !type.equals("yarn")) {
      throw metadata.unsupported(key("rope.scaling.attn_factor") + " is supported with YaRN only");
    }
    return switch (type) {
      case "none" -> new RopeScaling.None();
      case "linear" -> new RopeScaling.Linear(factor);
      case "yarn" -> new RopeScaling.Yarn(
          factor,
          metadata.intOr(key("rope.scaling.original_context_length"), context, 1, Integer.MAX_VALUE),
          metadata.number(key("rope.scaling.yarn_beta_fast"), 1e-6, 1e6).orElse(32.0),
          metadata.number(key("rope.scaling.yarn_beta_slow"), 1e-6, 1e6).orElse(1.0),
          RopeScaling.Yarn.magnitude(factor) * attention);
      default -> throw metadata.unsupported(
          key("rope.scaling.type") + " is \"" + type + "\"; supported are none, linear, yarn");
    };
  }

  /** Divisors of the frequencies; this is how GGUF files carry the scaling of Llama 3. */
  private float[] factors(int pairs) {
    Tensor tensor = tensors.get("rope_freqs.weight");
    if (tensor == null) {
      return null;
    }
    if (tensor.rows() != 1 || tensor.columns() != pairs) {
      throw metadata.malformed("rope_freqs.weight", "has the shape " + tensor.shape() + ", expected [" + pairs + "]");
    }
    float[] factors = tensor.toFloats();
    for (float factor : factors) {
      if (!(factor >= 1e-6f && factor <= 1e6f)) {
        throw metadata.malformed("rope_freqs.weight", "holds " + factor + ", expected 1e-6 to 1e6");
      }
    }
    return factors;
  }

  private String key(String name) {
    return architecture + '.' + name;
  }
}
