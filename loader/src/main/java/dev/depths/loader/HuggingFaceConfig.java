package dev.depths.loader;

import dev.depths.loader.ModelConfig.Rope;
import java.util.List;
import java.util.Map;

/** Hyperparameters from a Hugging Face {@code config.json} and the presence of optional tensors. */
final class HuggingFaceConfig {
  private static final int QWEN3_HEAD_DIM = 128;

  private final Metadata config;
  private final Map<String, Tensor> tensors;
  private final String architecture;

  private HuggingFaceConfig(Metadata config, Map<String, Tensor> tensors) {
    this.config = config;
    this.tensors = tensors;
    this.architecture = Architectures.ofModelType(
        config.string("model_type").orElseThrow(() -> config.malformed("model_type", "is missing")));
  }

  /** The configuration without what a training code added to the name of its {@code model_type}. */
  static Metadata ofType(Metadata config, String addition) {
    return config.string("model_type").map(type -> config.with("model_type", type.replaceFirst(addition, "")))
        .orElse(config);
  }

  /** Whether the output projection is the embedding, in which case a file's own copy of it is not used. */
  static boolean tied(Metadata config, Map<String, Tensor> tensors) {
    return config.booleanOr("tie_word_embeddings", !tensors.containsKey("output.weight"));
  }

  /** What turns the rotary embedding. */
  static RopeSource rope(Metadata config) {
    HuggingFaceConfig reader = new HuggingFaceConfig(config, Map.of());
    return reader.rope(reader.context());
  }

  static ModelConfig read(Metadata config, Map<String, Tensor> tensors) {
    return new HuggingFaceConfig(config, tensors).read();
  }

  private ModelConfig read() {
    Architectures.requireSupported(config.file(), architecture);
    refuseVariants();
    int embedding = config.requireInt("hidden_size", 1, Limits.WIDTH);
    int heads = config.requireInt("num_attention_heads", 1, Limits.HEADS);
    // Only llama has a default that follows from the other values.
    int kvHeads = architecture.equals("llama")
        ? config.intOr("num_key_value_heads", heads, 1, Limits.HEADS)
        : config.requireInt("num_key_value_heads", 1, Limits.HEADS);
    if (heads % kvHeads != 0) {
      throw config.malformed("num_key_value_heads", "is " + kvHeads + ", expected a divisor of " + heads);
    }
    int blocks = config.requireInt("num_hidden_layers", 1, Limits.BLOCKS);
    int headDim = headDim(embedding, heads);
    int feedForward = config.requireInt("intermediate_size", 1, Limits.WIDTH);
    int context = context();
    RopeSource rope = rope(context);
    if (rope.scaling() instanceof RopeScaling.Yarn yarn) {
      context = (int) Math.max(context, Math.min(Integer.MAX_VALUE, yarn.context() * yarn.factor()));
    }
    return new ModelConfig(architecture, blocks, embedding, feedForward, heads, kvHeads, headDim,
        config.requireInt("vocab_size", 1, Limits.VOCABULARY),
        Math.min(context, window(blocks)),
        config.number("rms_norm_eps", 0, 1).orElse(isMixtral() ? 1e-5 : 1e-6).floatValue(),
        rope.rope(Rope.Layout.HALVES, headDim),
        tensors.containsKey("blk.0.attn_q.bias"), tensors.containsKey("blk.0.attn_q_norm.weight"),
        tied(config, tensors), HuggingFaceExperts.read(config, architecture, blocks, feedForward));
  }

  private boolean isMixtral() {
    return architecture.equals("mixtral");
  }

  private int context() {
    return config.requireInt("max_position_embeddings", 1, Integer.MAX_VALUE);
  }

  private void refuseVariants() {
    String activation = config.string("hidden_act").orElse("silu");
    if (!activation.equals("silu")) {
      throw config.unsupported("hidden_act is " + Metadata.shown(activation) + "; supported is silu");
    }
    if (config.keys().stream().anyMatch(key -> key.startsWith("quantization_config."))) {
      throw config.unsupported("quantization_config: quantised Hugging Face checkpoints are not supported; use GGUF");
    }
    for (String key : List.of("partial_rotary_factor", "rope_parameters.partial_rotary_factor")) {
      double rotated = config.number(key, 0, 1).orElse(1.0);
      if (rotated != 1) {
        throw config.unsupported(key + " is " + rotated + "; only rotating all of a head is supported");
      }
    }
  }

  private int headDim(int embedding, int heads) {
    if (!config.has("head_dim") && architecture.equals("qwen3")) {
      return QWEN3_HEAD_DIM;
    }
    if (!config.has("head_dim") && embedding % heads != 0) {
      throw config.malformed("num_attention_heads", "is " + heads + ", expected a divisor of hidden_size " + embedding);
    }
    int headDim = config.intOr("head_dim", embedding / heads, 1, Limits.WIDTH);
    if (headDim % 2 != 0) {
      throw config.unsupported("head_dim is " + headDim + "; rotary embedding needs an even width");
    }
    return headDim;
  }

  /** Positions over which sliding attention is full attention. */
  private int window(int blocks) {
    boolean used = config.booleanOr("use_sliding_window", isMixtral() || architecture.equals("mistral"))
        && config.intOr("max_window_layers", 0, 0, Integer.MAX_VALUE) < blocks;
    boolean listed = config.list("layer_types").orElse(List.of()).contains("sliding_attention");
    int window = config.intOr("sliding_window", 0, 0, Integer.MAX_VALUE);
    return (used || listed) && window > 0 ? window : Integer.MAX_VALUE;
  }

  private RopeSource rope(int context) {
    String key = config.has("rope_parameters.rope_theta") ? "rope_parameters.rope_theta" : "rope_theta";
    return new RopeSource(config.number(key, 1.001, 1e12).orElse(isMixtral() ? 1e6 : 10000.0), scaling(context));
  }

  /** The scaling, under {@code rope_scaling} or, since transformers 5, {@code rope_parameters}. */
  private RopeScaling scaling(int context) {
    String prefix = config.keys().stream().anyMatch(key -> key.startsWith("rope_parameters."))
        ? "rope_parameters." : "rope_scaling.";
    String typeKey = prefix + (config.has(prefix + "rope_type") ? "rope_type" : "type");
    String type = config.string(typeKey).orElse("default");
    return switch (type) {
      case "default" -> new RopeScaling.None();
      case "linear" -> new RopeScaling.Linear(factor(prefix));
      case "llama3" -> llama3(prefix, context);
      case "yarn" -> yarn(prefix, context);
      default -> throw config.unsupported(
          typeKey + " is " + Metadata.shown(type) + "; supported are default, linear, llama3, yarn");
    };
  }

  private RopeScaling llama3(String prefix, int context) {
    double low = require(prefix + "low_freq_factor");
    double high = require(prefix + "high_freq_factor");
    if (!(low < high)) {
      throw config.malformed(prefix + "high_freq_factor", "is " + high + ", expected more than low_freq_factor " + low);
    }
    return new RopeScaling.Llama3(factor(prefix), low, high, originalContext(prefix, context));
  }

  private RopeScaling yarn(String prefix, int context) {
    if (!config.booleanOr(prefix + "truncate", true)) {
      throw config.unsupported(prefix + "truncate is false, which is not supported");
    }
    double factor = factor(prefix);
    double scale = config.number(prefix + "mscale", 0, 1e6).orElse(0.0);
    double allDimensions = config.number(prefix + "mscale_all_dim", 0, 1e6).orElse(0.0);
    double magnitude = scale > 0 && allDimensions > 0
        ? RopeScaling.Yarn.magnitude(factor, scale) / RopeScaling.Yarn.magnitude(factor, allDimensions)
        : RopeScaling.Yarn.magnitude(factor);
    return new RopeScaling.Yarn(factor, originalContext(prefix, context),
        config.number(prefix + "beta_fast", 1e-6, 1e6).orElse(32.0),
        config.number(prefix + "beta_slow", 1e-6, 1e6).orElse(1.0),
        config.number(prefix + "attention_factor", 1e-6, 1e6).orElse(magnitude));
  }

  private int originalContext(String prefix, int context) {
    return config.intOr(prefix + "original_max_position_embeddings", context, 1, Integer.MAX_VALUE);
  }

  private double factor(String prefix) {
    return require(prefix + "factor");
  }

  private double require(String key) {
    return config.number(key, 1e-6, 1e6).orElseThrow(() -> config.malformed(key, "is missing"));
  }
}
