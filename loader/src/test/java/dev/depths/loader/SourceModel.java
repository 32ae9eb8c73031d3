package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** A directory as a training code writes it: a tiny model under the code's names, each tensor with elements of its own. */
final class SourceModel {
  private final Map<String, Values> tensors = new LinkedHashMap<>();
  private final Map<String, String> config = new LinkedHashMap<>();
  private String configFile = "config.json";

  private static final Map<String, String> LLAMA2 = Map.of("attn_norm", "attention_norm", "attn_q", "attention.wq",
      "attn_k", "attention.wk", "attn_v", "attention.wv", "attn_output", "attention.wo", "ffn_norm", "ffn_norm",
      "ffn_gate", "feed_forward.w1", "ffn_down", "feed_forward.w2", "ffn_up", "feed_forward.w3");

  private record Values(float[] elements, long[] shape) {}

  /** A {@link TinyModel} llama; @param theirName the code's name of a tensor, by GGUF's. */
  static SourceModel llama(UnaryOperator<String> theirName) {
    SourceModel model = new SourceModel();
    TinyModel.shapes("llama").forEach((name, shape) -> model.with(theirName.apply(name), name, shape));
    return model;
  }

  /** As {@link #llama}, with names and configuration of Hugging Face. */
  static SourceModel huggingFace(UnaryOperator<String> theirName) {
    return llama(name -> theirName.apply(HuggingFaceTensors.theirName("llama", name)))
        .set("model_type", "\"llama\"").set("hidden_size", 32).set("intermediate_size", 64).set("num_hidden_layers", 2)
        .set("num_attention_heads", 4).set("num_key_value_heads", 2).set("max_position_embeddings", 128)
        .set("vocab_size", 10).set("rms_norm_eps", 1e-5).set("rope_theta", 10000.0);
  }

  /** As {@link #llama}, with names of Meta's Llama 2 and the keys of its parameters. */
  static SourceModel llama2() {
    return llama(SourceModel::llama2).set("dim", 32).set("n_layers", 2).set("n_heads", 4).set("n_kv_heads", 2)
        .set("vocab_size", -1).set("multiple_of", 256).set("norm_eps", 1e-5);
  }

  private static String llama2(String gguf) {
    String[] parts = gguf.split("\\.");
    return switch (parts[0]) {
      case "token_embd" -> "tok_embeddings.weight";
      case "output_norm" -> "norm.weight";
      default -> "layers." + parts[1] + '.' + LLAMA2.get(parts[2]) + ".weight";
    };
  }

  /** The elements that stand for a name. */
  static float[] elements(String name, long... shape) {
    float[] elements = new float[TinyModel.elements(shape)];
    for (int i = 0; i < elements.length; i++) {
      // Small multiples of 1/64: sums of a few products of them are exact.
      elements[i] = (name.hashCode() % 64 + i % 7) / 64f;
    }
    return elements;
  }

  /** Adds a tensor with the elements that stand for another name. */
  SourceModel with(String name, String like, long... shape) {
    return with(name, elements(like, shape), shape);
  }

  SourceModel with(String name, float[] elements, long... shape) {
    tensors.put(name, new Values(elements, shape));
    return this;
  }

  SourceModel without(String name) {
    if (tensors.remove(name) == null) {
      throw new IllegalArgumentException(name);
    }
    return this;
  }

  List<String> names() {
    return new ArrayList<>(tensors.keySet());
  }

  /** Sets a key of the configuration to a JSON value. */
  SourceModel set(String key, Object json) {
    config.put(key, json.toString());
    return this;
  }

  SourceModel unset(String key) {
    config.remove(key);
    return this;
  }

  List<String> keys() {
    return new ArrayList<>(config.keySet());
  }

  SourceModel configIn(String file) {
    configFile = file;
    return this;
  }

  Path write(Path directory) throws IOException {
    List<String> members = new ArrayList<>();
    config.forEach((key, value) -> members.add("\"" + key + "\": " + value));
    Files.writeString(directory.resolve(configFile), "{" + String.join(", ", members) + "}");
    SafetensorsWriter writer = new SafetensorsWriter();
    tensors.forEach((name, values) -> writer.tensor(name, DType.F32, values.elements, values.shape));
    writer.write(directory.resolve("model.safetensors"));
    return directory;
  }

  /** Asserts that a checkpoint has the tiny llama's tensors where they belong. */
  static void assertLlama(Checkpoint checkpoint) {
    TinyModel.shapes("llama").forEach((name, shape) -> assertTensor(checkpoint, name, elements(name, shape)));
  }

  static void assertTensor(Checkpoint checkpoint, String name, float... elements) {
    Tensor tensor = checkpoint.tensors().get(name);
    assertEquals(name, tensor == null ? null : tensor.name());
    assertArrayEquals(elements, tensor.toFloats(), name);
  }
}
