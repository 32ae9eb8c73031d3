package dev.depths.runtime;

import dev.depths.loader.Checkpoint;
import dev.depths.loader.DType;
import dev.depths.loader.GgufWriter;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Bypass;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.ModelConfig.Rope;
import dev.depths.loader.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** A small model with random weights, in memory. */
record TinyModel(ModelConfig config, Map<String, Tensor> tensors, Optional<ModDescriptor> mod) {
  /** What a test sets of a model's shape; the rest follows. */
  record Shape(String architecture, Rope.Layout layout, int blocks, int embedding, int feedForward, int heads,
      int kvHeads, int headDim, int vocabulary, boolean tied) {
    ModelConfig config() {
      float[] frequencies = new float[headDim / 2];
      for (int i = 0; i < frequencies.length; i++) {
        frequencies[i] = (float) Math.pow(10_000, -2.0 * i / headDim);
      }
      return new ModelConfig(architecture, blocks, embedding, feedForward, heads, kvHeads, headDim, vocabulary, 2048,
          1e-5f, new Rope(layout, frequencies, 1), architecture.equals("qwen2"), architecture.equals("qwen3"), tied,
          Optional.empty());
    }
  }

  static final Combine SIGMOID = new Combine(Combine.Form.ADD, Combine.Gate.SIGMOID);
  static final Combine TANH = new Combine(Combine.Form.ADD, Combine.Gate.TANH);

  /** All sizes whole panels and quantisation blocks, K-quants included. */
  static final Shape EVEN = new Shape("llama", Rope.Layout.INTERLEAVED, 3, 256, 256, 4, 2, 64, 160, false);
  /** As small as is still a model of several blocks with grouped queries. */
  static final Shape SMALL = new Shape("llama", Rope.Layout.INTERLEAVED, 4, 32, 48, 4, 2, 8, 37, false);
  static final Shape HALVES = new Shape("mistral", Rope.Layout.HALVES, 3, 40, 50, 5, 1, 20, 37, true);
  static final Shape QWEN2 = new Shape("qwen2", Rope.Layout.HALVES, 3, 60, 75, 6, 3, 10, 41, true);
  static final Shape QWEN3 = new Shape("qwen3", Rope.Layout.HALVES, 3, 33, 31, 2, 1, 48, 65, false);
  static final Shape SINGLE = new Shape("llama", Rope.Layout.INTERLEAVED, 1, 17, 9, 1, 1, 20, 37, true);

  /** A dense model of f32 weights. */
  static TinyModel dense(Shape shape, long seed) {
    return dense(shape, DType.F32, seed);
  }

  /** A dense model with matrices of a type. */
  static TinyModel dense(Shape shape, DType type, long seed) {
    ModelConfig c = shape.config();
    Weights weights = new Weights(type, new Random(seed));
    int d = c.embedding();
    int q = c.heads() * c.headDim();
    int kv = c.kvHeads() * c.headDim();
    weights.embedding(c.vocabulary(), d);
    for (int b = 0; b < c.blocks(); b++) {
      String prefix = "blk." + b + ".";
      weights.vector(prefix + "attn_norm.weight", d, 1);
      weights.matrix(prefix + "attn_q.weight", q, d);
      weights.matrix(prefix + "attn_k.weight", kv, d);
      weights.matrix(prefix + "attn_v.weight", kv, d);
      weights.matrix(prefix + "attn_output.weight", d, q);
      weights.vector(prefix + "ffn_norm.weight", d, 1);
      weights.matrix(prefix + "ffn_gate.weight", c.feedForward(), d);
      weights.matrix(prefix + "ffn_up.weight", c.feedForward(), d);
      weights.matrix(prefix + "ffn_down.weight", d, c.feedForward());
      if (c.qkvBias()) {
        weights.vector(prefix + "attn_q.bias", q, 0);
        weights.vector(prefix + "attn_k.bias", kv, 0);
        weights.vector(prefix + "attn_v.bias", kv, 0);
      }
      if (c.qkNorm()) {
        weights.vector(prefix + "attn_q_norm.weight", c.headDim(), 1);
        weights.vector(prefix + "attn_k_norm.weight", c.headDim(), 1);
      }
    }
    weights.vector("output_norm.weight", d, 1);
    if (!c.tiedEmbedding()) {
      weights.matrix("output.weight", c.vocabulary(), d);
    }
    return new TinyModel(c, Collections.unmodifiableMap(weights.tensors), Optional.empty());
  }

  private record Weights(DType type, Random random, Map<String, Tensor> tensors) {
    Weights(DType type, Random random) {
      this(type, random, new LinkedHashMap<>());
    }

    void embedding(int rows, int columns) {
      tensors.put("token_embd.weight", RandomTensors.matrix("token_embd.weight", type, rows, columns, 1, random));
    }

    void matrix(String name, int rows, int columns) {
      tensors.put(name, RandomTensors.matrix(name, type, rows, columns, 1.5 / Math.sqrt(columns), random));
    }

    /** A router's layer. */
    void linear(String name, int rows, int columns, boolean bias) {
      tensors.put(name + ".weight",
          RandomTensors.matrix(name + ".weight", type, rows, columns, 1 / Math.sqrt(columns), random));
      if (bias) {
        tensors.put(name + ".bias", RandomTensors.vector(name + ".bias", rows, 0.2, 0.1, random));
      }
    }

    /** A router of two layers, with a norm between if it has biases. */
    void twoLayers(String name, int width, boolean bias) {
      int hidden = 7;
      linear(name + "_up", hidden, width, bias);
      if (bias) {
        vector(name + "_norm.weight", hidden, 1);
      }
      linear(name + "_down", 1, hidden, bias);
    }

    void vector(String name, int n, double mean) {
      tensors.put(name, RandomTensors.vector(name, n, mean, 0.3, random));
    }
  }

  /** This model with some blocks routed by random linear routers, which choose about half of the tokens. */
  TinyModel routed(Combine combine, int initialTokens, boolean bias, Integer... blocks) {
    ModDescriptor mod = ModDescriptor.linear(List.of(blocks), combine);
    return routed(new ModDescriptor(mod.blocks(), mod.part(), mod.unit(), mod.router(),
        mod.selection().withInitialTokens(initialTokens), combine, mod.positions(), mod.skippedKv(), 0), bias, blocks.length);
  }

  /** This model with random routers of a descriptor, which choose about half of the tokens, and with predictors. */
  TinyModel routed(ModDescriptor mod, boolean bias, long seed) {
    Weights weights = new Weights(DType.F32, new Random(seed), new LinkedHashMap<>(tensors));
    List<String> prefixes =
        mod.router().shared() ? List.of("") : mod.blocks().stream().map(b -> "blk." + b + ".").toList();
    for (String prefix : prefixes) {
      for (String half : mod.part() == ModDescriptor.Part.EACH_HALF ? List.of("attn_", "mlp_") : List.of("")) {
        String router = prefix + "mod_" + half + "router";
        switch (mod.router().form()) {
          case LINEAR -> weights.linear(router, 1, config.embedding(), bias);
          case LINEAR2 -> weights.linear(router, 2, config.embedding(), bias);
          case MLP -> weights.twoLayers(router, config.embedding(), bias);
        }
        if (mod.selection().causal() == ModDescriptor.Rule.PREDICTOR) {
          weights.twoLayers(prefix + "mod_" + half + "predictor", config.embedding(), bias);
        }
      }
    }
    TinyModel routed = new TinyModel(config, Collections.unmodifiableMap(weights.tensors), Optional.of(mod));
    return mod.bypass() == Bypass.NONE ? routed : routed.bypassed(seed);
  }

  /** This routed model with random bypasses, of a rank and types that differ from block to block. */
  TinyModel bypassed(long seed) {
    ModDescriptor m = mod.orElseThrow();
    Map<String, Tensor> all = new LinkedHashMap<>(tensors);
    Random random = new Random(seed);
    DType[] types = {DType.F32, DType.F16, DType.BF16};
    int d = config.embedding();
    for (int b : m.blocks()) {
      for (String half : m.part() == ModDescriptor.Part.EACH_HALF ? List.of("attn_", "mlp_") : List.of("")) {
        String name = "blk." + b + ".mod_" + half + "bypass_";
        int rank = 1 + random.nextInt(70);
        all.put(name + "a.weight",
            RandomTensors.matrix(name + "a.weight", types[random.nextInt(3)], rank, d, 2 / Math.sqrt(d), random));
        all.put(name + "b.weight",
            RandomTensors.matrix(name + "b.weight", types[random.nextInt(3)], d, rank, 1 / Math.sqrt(rank), random));
      }
    }
    return new TinyModel(config, Collections.unmodifiableMap(all), Optional.of(new ModDescriptor(m.blocks(), m.part(),
        m.unit(), m.router(), m.selection(), m.combine(), m.positions(), m.skippedKv(), Bypass.LOWRANK, 0)));
  }

  /** Writes a model of the llama architecture and {@link ChainModel#VOCABULARY} tokens, with a tokenizer of bytes. */
  Path write(Path file) throws IOException {
    GgufWriter writer = new GgufWriter()
        .put("general.architecture", "llama")
        .put("llama.block_count", config.blocks())
        .put("llama.context_length", config.contextLength())
        .put("llama.embedding_length", config.embedding())
        .put("llama.feed_forward_length", config.feedForward())
        .put("llama.attention.head_count", config.heads())
        .put("llama.attention.head_count_kv", config.kvHeads())
        .put("llama.attention.key_length", config.headDim())
        .put("llama.attention.value_length", config.headDim())
        .put("llama.attention.layer_norm_rms_epsilon", config.rmsEpsilon());
    mod.ifPresent(m -> m.keys().forEach((key, value) -> writer.put("mod." + key, value)));
    ChainModel.putTokenizer(writer);
    tensors.values().forEach(writer::tensor);
    writer.write(file);
    return file;
  }

  Checkpoint checkpoint() {
    return Checkpoint.of(config, tensors, mod);
  }

  /** Exact mode on two threads. */
  Model exact() {
    return exact(2);
  }

  Model exact(int threads) {
    return open(ModelOptions.defaults().withThreads(threads).withExact(true));
  }

  /** Fast mode on one thread. */
  Model fast() {
    return open(ModelOptions.defaults().withThreads(1));
  }

  Model open(ModelOptions options) {
    try {
      return Model.of(checkpoint(), options);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Random tokens. */
  int[] tokens(int n, long seed) {
    return new Random(seed).ints(n, 0, config.vocabulary()).toArray();
  }
}
