package dev.depths.bench;

import dev.depths.loader.Checkpoint;
import dev.depths.loader.DType;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.Tensor;
import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** Models of random weights, built in memory: they compute nothing that means anything, at a real model's cost. */
final class RandomModel {
  private RandomModel() {}

  /** A dense model: matrices of the given type, norms in f32, the tied embedding in Q8_0. */
  static Model dense(ModelConfig config, DType type, int threads) throws IOException {
    return open(config, type, DType.Q8_0, threads, Optional.empty());
  }

  /** A model whose blocks are all routed, x + f as in the default adapter; its embedding is f32: a row is a copy. */
  static Model routed(ModelConfig config, DType type, int threads) throws IOException {
    List<Integer> blocks = IntStream.range(0, config.blocks()).boxed().toList();
    return open(config, type, DType.F32, threads,
        Optional.of(ModDescriptor.linear(blocks, ModDescriptor.Combine.HARD)));
  }

  private static Model open(ModelConfig c, DType type, DType embedding, int threads, Optional<ModDescriptor> mod)
      throws IOException {
    RandomTensors random = new RandomTensors(Arena.ofAuto());
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    add(tensors, random.matrix("token_embd.weight", embedding, c.vocabulary(), c.embedding()));
    for (int b = 0; b < c.blocks(); b++) {
      block(c, "blk." + b + '.', type, random, tensors);
      if (mod.isPresent()) {
        add(tensors, random.matrix("blk." + b + ".mod_router.weight", DType.F32, 1, c.embedding()));
      }
    }
    add(tensors, random.ones("output_norm.weight", c.embedding()));
    Model model = Model.of(Checkpoint.of(c, tensors, mod), ModelOptions.defaults().withThreads(threads));
    try {
      model.awaitWarmUp();
    } catch (InterruptedException e) {
      model.close();
      throw new InterruptedIOException();
    }
    return model;
  }

  private static void block(ModelConfig c, String prefix, DType type, RandomTensors random,
      Map<String, Tensor> tensors) {
    int d = c.embedding();
    int q = c.heads() * c.headDim();
    int kv = c.kvHeads() * c.headDim();
    add(tensors, random.ones(prefix + "attn_norm.weight", d));
    add(tensors, random.matrix(prefix + "attn_q.weight", type, q, d));
    add(tensors, random.matrix(prefix + "attn_k.weight", type, kv, d));
    add(tensors, random.matrix(prefix + "attn_v.weight", type, kv, d));
    add(tensors, random.matrix(prefix + "attn_output.weight", type, d, q));
    add(tensors, random.ones(prefix + "ffn_norm.weight", d));
    add(tensors, random.matrix(prefix + "ffn_gate.weight", type, c.feedForward(), d));
    add(tensors, random.matrix(prefix + "ffn_up.weight", type, c.feedForward(), d));
    add(tensors, random.matrix(prefix + "ffn_down.weight", type, d, c.feedForward()));
  }

  private static void add(Map<String, Tensor> tensors, Tensor tensor) {
    tensors.put(tensor.name(), tensor);
  }
}
