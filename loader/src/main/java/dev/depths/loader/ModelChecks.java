package dev.depths.loader;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Checks that a model's tensors are those its hyperparameters ask for: all of them, of the right shapes, and no others.
 */
final class ModelChecks {
  /** Tensors that some files carry and that compute nothing here: their effect is in the hyperparameters. */
  private static final Set<String> FOLDED = Set.of("rope_freqs.weight");

  private final Object file;
  private final int noopExperts;
  private final Map<String, Tensor> tensors;
  private final Set<String> seen = new HashSet<>(FOLDED);

  private ModelChecks(Object file, int noopExperts, Map<String, Tensor> tensors) {
    this.file = file;
    this.noopExperts = noopExperts;
    this.tensors = tensors;
  }

  /**
   * @param noopExperts rows of {@code ffn_gate_inp} beyond those of the experts
   * @param others names of tensors that are checked elsewhere
   */
  static void check(
      Object file, ModelConfig config, int noopExperts, Map<String, Tensor> tensors, Set<String> others) {
    ModelChecks checks = new ModelChecks(file, noopExperts, tensors);
    checks.model(config);
    for (String name : tensors.keySet()) {
      if (!checks.seen.contains(name) && !others.contains(name)) {
        throw new UnsupportedModelException(
            file, "tensor " + name + " is not part of a " + config.architecture() + " model as Depths runs it");
      }
    }
  }

  private void model(ModelConfig c) {
    long d = c.embedding();
    matrix("token_embd.weight", c.vocabulary(), d);
    vector("output_norm.weight", d);
    if (!c.tiedEmbedding()) {
      matrix("output.weight", c.vocabulary(), d);
    }
    if (c.qkNorm() != Architectures.hasQkNorm(c.architecture())) {
      throw new UnsupportedModelException(file, "blk.0.attn_q_norm.weight is " + (c.qkNorm() ? "present" : "missing")
          + " in a " + c.architecture() + " model; of the supported architectures qwen3 and qwen3moe have it");
    }
    for (int block = 0; block < c.blocks(); block++) {
      block(c, block);
    }
  }

  private void block(ModelConfig c, int block) {
    String prefix = "blk." + block + '.';
    long d = c.embedding();
    long q = (long) c.heads() * c.headDim();
    long kv = (long) c.kvHeads() * c.headDim();
    vector(prefix + "attn_norm.weight", d);
    matrices(c, block).forEach(this::shape);
    if (c.qkvBias()) {
      vector(prefix + "attn_q.bias", q);
      vector(prefix + "attn_k.bias", kv);
      vector(prefix + "attn_v.bias", kv);
    }
    if (c.qkNorm()) {
      vector(prefix + "attn_q_norm.weight", c.headDim());
      vector(prefix + "attn_k_norm.weight", c.headDim());
    }
    vector(prefix + "ffn_norm.weight", d);
    c.experts(block).ifPresent(experts -> experts(experts, block, d));
  }

  private void experts(Experts experts, int block, long d) {
    String router = "blk." + block + ".ffn_gate_inp";
    matrix(router + ".weight", experts.count() + (long) noopExperts, d);
    if (experts.sharedFeedForward() > 0) {
      matrix(router + "_shexp.weight", 1, d);
    }
    for (ExpertMatrix matrix : ExpertMatrix.values()) {
      List<Long> shape = matrix.shape(d, experts.feedForward());
      if (!tensors.containsKey(matrix.single(block, 0))) {
        shape(matrix.stacked(block), List.of((long) experts.count(), shape.get(0), shape.get(1)));
        continue;
      }
      for (int expert = 0; expert < experts.count(); expert++) {
        shape(matrix.single(block, expert), shape);
      }
    }
  }

  /** The shapes of a block's matrices but those of a mixture of experts, by name. */
  static Map<String, List<Long>> matrices(ModelConfig c, int block) {
    String prefix = "blk." + block + '.';
    long d = c.embedding();
    long q = (long) c.heads() * c.headDim();
    long kv = (long) c.kvHeads() * c.headDim();
    Map<String, List<Long>> shapes = new HashMap<>(Map.of(
        prefix + "attn_q.weight", List.of(q, d),
        prefix + "attn_k.weight", List.of(kv, d),
        prefix + "attn_v.weight", List.of(kv, d),
        prefix + "attn_output.weight", List.of(d, q)));
    Optional<Experts> experts = c.experts(block);
    for (ExpertMatrix matrix : ExpertMatrix.values()) {
      if (experts.isEmpty()) {
        shapes.put(matrix.dense(block), matrix.shape(d, c.feedForward()));
      } else if (experts.get().sharedFeedForward() > 0) {
        shapes.put(matrix.shared(block), matrix.shape(d, experts.get().sharedFeedForward()));
      }
    }
    return shapes;
  }

  private void vector(String name, long elements) {
    shape(name, List.of(elements));
  }

  private void matrix(String name, long rows, long columns) {
    shape(name, List.of(rows, columns));
  }

  private void shape(String name, List<Long> expected) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new MalformedFileException(file, "tensor " + name, "is missing");
    }
    if (!tensor.fits(expected)) {
      throw new MalformedFileException(
          file, "tensor " + name, "has the shape " + tensor.shape() + ", expected " + expected);
    }
    seen.add(name);
  }
}
