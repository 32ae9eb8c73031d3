package dev.depths.loader;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;

/** Small models with random weights, of each architecture. */
final class TinyModel {
  static final int BLOCKS = 2;
  static final int EMBEDDING = 32;
  static final int FEED_FORWARD = 64;
  static final int HEADS = 4;
  static final int KV_HEADS = 2;
  static final int HEAD_DIM = 8;
  static final int VOCABULARY = 10;
  static final int EXPERTS = 4;
  static final int EXPERTS_USED = 2;
  static final int EXPERT_FEED_FORWARD = 24;
  static final int SHARED_FEED_FORWARD = 40;

  private TinyModel() {}

  /** A complete GGUF model; tests overwrite what they are about. */
  static GgufWriter gguf(String architecture) {
    return gguf(metadata(architecture), shapes(architecture));
  }

  /** Metadata and random tensors. */
  static GgufWriter gguf(GgufWriter writer, Map<String, long[]> shapes) {
    Random random = new Random(1);
    shapes.forEach((name, shape) -> {
      float[] values = new float[elements(shape)];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      writer.tensor(name, values, shape);
    });
    return writer;
  }

  static int elements(long[] shape) {
    return (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
  }

  static GgufWriter metadata(String architecture) {
    GgufWriter writer = new GgufWriter()
        .put("general.architecture", architecture)
        .put(architecture + ".block_count", BLOCKS)
        .put(architecture + ".context_length", 128)
        .put(architecture + ".embedding_length", EMBEDDING)
        .put(architecture + ".feed_forward_length", FEED_FORWARD)
        .put(architecture + ".attention.head_count", HEADS)
        .put(architecture + ".attention.head_count_kv", KV_HEADS)
        .put(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f)
        .put(architecture + ".rope.freq_base", 10000f);
    if (Architectures.isMixture(architecture)) {
      writer.put(architecture + ".expert_count", EXPERTS).put(architecture + ".expert_used_count", EXPERTS_USED);
    }
    if (architecture.endsWith("moe")) {
      writer.put(architecture + ".expert_feed_forward_length", EXPERT_FEED_FORWARD);
    }
    if (architecture.equals("qwen2moe")) {
      writer.put(architecture + ".expert_shared_feed_forward_length", SHARED_FEED_FORWARD);
    }
    return writer;
  }

  static Map<String, long[]> shapes(String architecture) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("token_embd.weight", new long[] {VOCABULARY, EMBEDDING});
    for (int block = 0; block < BLOCKS; block++) {
      String prefix = "blk." + block + '.';
      shapes.put(prefix + "attn_norm.weight", new long[] {EMBEDDING});
      shapes.put(prefix + "attn_q.weight", new long[] {HEADS * HEAD_DIM, EMBEDDING});
      shapes.put(prefix + "attn_k.weight", new long[] {KV_HEADS * HEAD_DIM, EMBEDDING});
      shapes.put(prefix + "attn_v.weight", new long[] {KV_HEADS * HEAD_DIM, EMBEDDING});
      shapes.put(prefix + "attn_output.weight", new long[] {EMBEDDING, HEADS * HEAD_DIM});
      shapes.put(prefix + "ffn_norm.weight", new long[] {EMBEDDING});
      if (Architectures.isMixture(architecture)) {
        experts(shapes, prefix, architecture);
      } else {
        mlp(shapes, prefix);
      }
      if (architecture.startsWith("qwen2")) {
        shapes.put(prefix + "attn_q.bias", new long[] {HEADS * HEAD_DIM});
        shapes.put(prefix + "attn_k.bias", new long[] {KV_HEADS * HEAD_DIM});
        shapes.put(prefix + "attn_v.bias", new long[] {KV_HEADS * HEAD_DIM});
      }
      if (architecture.startsWith("qwen3")) {
        shapes.put(prefix + "attn_q_norm.weight", new long[] {HEAD_DIM});
        shapes.put(prefix + "attn_k_norm.weight", new long[] {HEAD_DIM});
      }
    }
    shapes.put("output_norm.weight", new long[] {EMBEDDING});
    return shapes;
  }

  static void mlp(Map<String, long[]> shapes, String prefix) {
    shapes.put(prefix + "ffn_gate.weight", new long[] {FEED_FORWARD, EMBEDDING});
    shapes.put(prefix + "ffn_up.weight", new long[] {FEED_FORWARD, EMBEDDING});
    shapes.put(prefix + "ffn_down.weight", new long[] {EMBEDDING, FEED_FORWARD});
  }

  private static void experts(Map<String, long[]> shapes, String prefix, String architecture) {
    long hidden = architecture.equals("mixtral") ? FEED_FORWARD : EXPERT_FEED_FORWARD;
    shapes.put(prefix + "ffn_gate_inp.weight", new long[] {EXPERTS, EMBEDDING});
    shapes.put(prefix + "ffn_gate_exps.weight", new long[] {EXPERTS, hidden, EMBEDDING});
    shapes.put(prefix + "ffn_up_exps.weight", new long[] {EXPERTS, hidden, EMBEDDING});
    shapes.put(prefix + "ffn_down_exps.weight", new long[] {EXPERTS, EMBEDDING, hidden});
    if (architecture.equals("qwen2moe")) {
      shapes.put(prefix + "ffn_gate_inp_shexp.weight", new long[] {EMBEDDING});
      shapes.put(prefix + "ffn_gate_shexp.weight", new long[] {SHARED_FEED_FORWARD, EMBEDDING});
      shapes.put(prefix + "ffn_up_shexp.weight", new long[] {SHARED_FEED_FORWARD, EMBEDDING});
      shapes.put(prefix + "ffn_down_shexp.weight", new long[] {EMBEDDING, SHARED_FEED_FORWARD});
    }
  }

  /** The same tensors with one for each expert's matrix instead of one for all. */
  static Map<String, long[]> separate(Map<String, long[]> stacked) {
    Map<String, long[]> shapes = new LinkedHashMap<>();
    stacked.forEach((name, shape) -> {
      if (shape.length < 3) {
        shapes.put(name, shape);
        return;
      }
      for (int expert = 0; expert < shape[0]; expert++) {
        shapes.put(name.replace("_exps", "." + expert), new long[] {shape[1], shape[2]});
      }
    });
    return shapes;
  }
}
