package dev.depths.loader;

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

  private TinyModel() {}

  /** A complete GGUF model; tests overwrite what they are about. */
  static GgufWriter gguf(String architecture) {
    GgufWriter writer = metadata(architecture);
    Random random = new Random(1);
    shapes(architecture).forEach((name, shape) -> {
      long elements = 1;
      for (long dimension : shape) {
        elements *= dimension;
      }
      float[] values = new float[(int) elements];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      writer.tensor(name, values, shape);
    });
    return writer;
  }

  static GgufWriter metadata(String architecture) {
    return new GgufWriter()
        .put("general.architecture", architecture)
        .put(architecture + ".block_count", BLOCKS)
        .put(architecture + ".context_length", 128)
        .put(architecture + ".embedding_length", EMBEDDING)
        .put(architecture + ".feed_forward_length", FEED_FORWARD)
        .put(architecture + ".attention.head_count", HEADS)
        .put(architecture + ".attention.head_count_kv", KV_HEADS)
        .put(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f)
        .put(architecture + ".rope.freq_base", 10000f);
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
      shapes.put(prefix + "ffn_gate.weight", new long[] {FEED_FORWARD, EMBEDDING});
      shapes.put(prefix + "ffn_up.weight", new long[] {FEED_FORWARD, EMBEDDING});
      shapes.put(prefix + "ffn_down.weight", new long[] {EMBEDDING, FEED_FORWARD});
      if (architecture.equals("qwen2")) {
        shapes.put(prefix + "attn_q.bias", new long[] {HEADS * HEAD_DIM});
        shapes.put(prefix + "attn_k.bias", new long[] {KV_HEADS * HEAD_DIM});
        shapes.put(prefix + "attn_v.bias", new long[] {KV_HEADS * HEAD_DIM});
      }
      if (architecture.equals("qwen3")) {
        shapes.put(prefix + "attn_q_norm.weight", new long[] {HEAD_DIM});
        shapes.put(prefix + "attn_k_norm.weight", new long[] {HEAD_DIM});
      }
    }
    shapes.put("output_norm.weight", new long[] {EMBEDDING});
    return shapes;
  }
}
