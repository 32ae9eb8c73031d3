package dev.depths.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.Checkpoint;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.ModelConfig.Rope;
import dev.depths.loader.Tensor;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes the model of a GGUF file as Hugging Face directories hold models, for engines that read nothing else: f32
 * weights in one safetensors file, config.json, and tokenizer.json as far as byte-level BPE goes. For the llama
 * architecture.
 */
final class HuggingFaceDirectory {
  /** What a directory consists of. */
  static final List<String> FILES = List.of("config.json", "tokenizer.json", "model.safetensors", "README.md");

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Map<String, String> MODEL = Map.of(
      "token_embd.weight", "model.embed_tokens.weight",
      "output_norm.weight", "model.norm.weight",
      "output.weight", "lm_head.weight");
  private static final Map<String, String> BLOCK = Map.of(
      "attn_norm", "input_layernorm",
      "attn_q", "self_attn.q_proj",
      "attn_k", "self_attn.k_proj",
      "attn_v", "self_attn.v_proj",
      "attn_output", "self_attn.o_proj",
      "ffn_norm", "post_attention_layernorm",
      "ffn_gate", "mlp.gate_proj",
      "ffn_up", "mlp.up_proj",
      "ffn_down", "mlp.down_proj");
  private static final long CONTROL = 3;

  private HuggingFaceDirectory() {}

  /** Writes the files into an empty directory. */
  static void write(Path gguf, Path directory) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
      if (!checkpoint.config().architecture().equals("llama")) {
        throw new IllegalArgumentException(gguf + ": only models of the llama architecture can be written");
      }
      JSON.writeValue(directory.resolve("config.json").toFile(), config(checkpoint));
      JSON.writeValue(directory.resolve("tokenizer.json").toFile(), tokenizer(checkpoint.metadata()));
      weights(checkpoint, directory.resolve("model.safetensors"));
    }
    Files.writeString(directory.resolve("README.md"), "Made from " + gguf.getFileName() + " for a benchmark.\n");
  }

  private static Map<String, Object> config(Checkpoint checkpoint) {
    ModelConfig c = checkpoint.config();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("architectures", List.of("LlamaForCausalLM"));
    json.put("model_type", "llama");
    json.put("torch_dtype", "float32");
    json.put("hidden_act", "silu");
    json.put("hidden_size", c.embedding());
    json.put("intermediate_size", c.feedForward());
    json.put("num_hidden_layers", c.blocks());
    json.put("num_attention_heads", c.heads());
    json.put("num_key_value_heads", c.kvHeads());
    json.put("max_position_embeddings", c.contextLength());
    json.put("vocab_size", c.vocabulary());
    json.put("rms_norm_eps", c.rmsEpsilon());
    json.put("rope_theta", checkpoint.metadata().getOrDefault("llama.rope.freq_base", 10_000.0));
    json.put("tie_word_embeddings", c.tiedEmbedding());
    json.put("bos_token_id", checkpoint.metadata().getOrDefault("tokenizer.ggml.bos_token_id", 1));
    json.put("eos_token_id", checkpoint.metadata().getOrDefault("tokenizer.ggml.eos_token_id", 2));
    return json;
  }

  private static Map<String, Object> tokenizer(Map<String, Object> metadata) {
    List<?> tokens = (List<?>) metadata.get("tokenizer.ggml.tokens");
    List<?> types = (List<?>) metadata.get("tokenizer.ggml.token_type");
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    List<Map<String, Object>> added = new ArrayList<>();
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.put((String) tokens.get(id), id);
      if (((Number) types.get(id)).longValue() == CONTROL) {
        added.add(Map.of("id", id, "content", tokens.get(id), "special", true, "normalized", false,
            "single_word", false, "lstrip", false, "rstrip", false));
      }
    }
    Map<String, Object> byteLevel = Map.of("type", "ByteLevel", "add_prefix_space", false, "use_regex", true);
    return Map.of(
        "added_tokens", added,
        "pre_tokenizer", byteLevel,
        "decoder", byteLevel,
        "model", Map.of("type", "BPE", "vocab", vocabulary, "merges", metadata.get("tokenizer.ggml.merges")));
  }

  private static void weights(Checkpoint checkpoint, Path file) throws IOException {
    Map<String, Object> header = new LinkedHashMap<>();
    long end = 0;
    for (Tensor t : checkpoint.tensors().values()) {
      long begin = end;
      end += Float.BYTES * t.rows() * t.columns();
      header.put(name(t.name()),
          Map.of("dtype", "F32", "shape", t.shape(), "data_offsets", List.of(begin, end)));
    }
    byte[] json = JSON.writeValueAsBytes(header);
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      out.write(littleEndian(Long.BYTES).putLong(json.length).array());
      out.write(json);
      for (Tensor t : checkpoint.tensors().values()) {
        rows(t, checkpoint.config(), out);
      }
    }
  }

  private static void rows(Tensor t, ModelConfig c, OutputStream out) throws IOException {
    boolean turned = c.rope().layout() == Rope.Layout.INTERLEAVED
        && (t.name().endsWith("attn_q.weight") || t.name().endsWith("attn_k.weight"));
    float[] row = new float[t.columns()];
    ByteBuffer bytes = littleEndian(Float.BYTES * row.length);
    for (long r = 0; r < t.rows(); r++) {
      t.dequantize(turned ? interleaved(r, c.headDim()) : r, row, 0);
      bytes.clear().asFloatBuffer().put(row);
      out.write(bytes.array());
    }
  }

  /** Where GGUF files of llama keep a row of queries or keys: pairs that turn together are adjacent. */
  private static long interleaved(long row, int headDim) {
    long head = row / headDim;
    long element = row % headDim;
    long half = headDim / 2;
    return head * headDim + 2 * (element % half) + element / half;
  }

  private static String name(String gguf) {
    String name = MODEL.get(gguf);
    if (name == null) {
      String[] parts = gguf.split("\\.");
      if (parts.length != 4 || !parts[0].equals("blk") || !BLOCK.containsKey(parts[2])) {
        throw new IllegalArgumentException("tensor " + gguf + " has no name in Hugging Face's llama");
      }
      name = "model.layers." + parts[1] + '.' + BLOCK.get(parts[2]) + '.' + parts[3];
    }
    return name;
  }

  private static ByteBuffer littleEndian(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
