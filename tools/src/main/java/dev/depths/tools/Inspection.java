package dev.depths.tools;

import dev.depths.loader.Adapter;
import dev.depths.loader.Checkpoint;
import dev.depths.loader.DType;
import dev.depths.loader.Experts;
import dev.depths.loader.LoadException;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.Tensor;
import dev.depths.loader.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a model or adapter holds, as an object for JSON and as text for people.
 *
 * @param json sections in order: a name, and a value or an object of them
 * @param tensors all tensors
 */
record Inspection(Map<String, Object> json, Collection<Tensor> tensors) {
  private static final int LONGEST_LIST = 64;

  static Inspection of(Path path, Checkpoint checkpoint) {
    Map<String, Object> json = Json.object();
    json.put("file", path.toString());
    hyperparameters(checkpoint).ifPresent(model -> json.put("model", model));
    checkpoint.tokenizer().ifPresent(tokenizer -> json.put("tokenizer", tokenizer(tokenizer)));
    json.put("chat_template", checkpoint.chatTemplate().isPresent());
    checkpoint.mod().ifPresent(mod -> json.put("mod", mod(mod, checkpoint.tensors().values())));
    checkpoint.calibration().ifPresent(calibration -> json.put("calibration", calibration.keys()));
    checkpoint.note().ifPresent(note -> json.put("note", note));
    addTensors(json, checkpoint.tensors().values());
    json.put("metadata", metadata(checkpoint.metadata()));
    return new Inspection(json, checkpoint.tensors().values());
  }

  static Inspection of(Path path, Adapter adapter) {
    Map<String, Object> json = Json.object();
    json.put("file", path.toString());
    json.put("adapter", section(path, adapter));
    json.put("mod", mod(adapter.descriptor(), adapter.tensors().values()));
    addTensors(json, adapter.tensors().values());
    return new Inspection(json, adapter.tensors().values());
  }

  /** This model with what an adapter adds: a section, and the adapter's descriptor in the model's place. */
  Inspection with(Path file, Adapter adapter) {
    Map<String, Object> both = Json.object();
    both.putAll(json);
    both.put("adapter", section(file, adapter));
    both.put("mod", mod(adapter.descriptor(), adapter.tensors().values()));
    return new Inspection(both, tensors);
  }

  /** Lines for people. */
  String text(boolean allTensors) {
    StringBuilder text = new StringBuilder();
    json.forEach((name, value) -> {
      if (!name.equals("tensors") && !name.equals("metadata")) {
        append(text, name, value);
      }
    });
    if (allTensors) {
      text.append("tensors\n");
      for (Tensor tensor : tensors) {
        text.append(String.format(Locale.ROOT, "  %-32s %-5s %-20s %12d bytes%n",
            tensor.name(), tensor.type(), tensor.shape(), tensor.data().byteSize()));
      }
    }
    return text.toString();
  }

  private static void append(StringBuilder text, String name, Object value) {
    if (value instanceof Map<?, ?> section) {
      text.append(name).append('\n');
      section.forEach((key, entry) -> text.append(String.format(Locale.ROOT, "  %-18s %s%n", key, plain(entry))));
    } else {
      text.append(String.format(Locale.ROOT, "%-20s %s%n", name, plain(value)));
    }
  }

  private static String plain(Object value) {
    return switch (value) {
      case Boolean b -> b ? "yes" : "no";
      case Double d -> number(d);
      case List<?> list when list.stream().allMatch(Double.class::isInstance) ->
          list.stream().map(d -> number((Double) d)).toList().toString();
      case Map<?, ?> map -> {
        StringBuilder line = new StringBuilder();
        map.forEach((key, entry) -> line.append(line.isEmpty() ? "" : ", ").append(key).append(' ').append(entry));
        yield line.toString();
      }
      default -> String.valueOf(value);
    };
  }

  /** Short; JSON has all digits. */
  private static String number(double value) {
    boolean small = value != 0 && Math.abs(value) < 1e-3;
    return small ? Double.toString(value)
        : new DecimalFormat("0.######", DecimalFormatSymbols.getInstance(Locale.ROOT)).format(value);
  }

  /** Empty where there are none, which a file with a vocabulary alone may do without. */
  private static Optional<Map<String, Object>> hyperparameters(Checkpoint checkpoint) {
    try {
      return Optional.of(hyperparameters(checkpoint.config()));
    } catch (LoadException e) {
      if (checkpoint.tensors().isEmpty()) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private static Map<String, Object> hyperparameters(ModelConfig config) {
    Map<String, Object> section = Json.object();
    section.put("architecture", config.architecture());
    section.put("blocks", config.blocks());
    section.put("embedding", config.embedding());
    section.put("feed_forward", config.feedForward());
    section.put("heads", config.heads());
    section.put("kv_heads", config.kvHeads());
    section.put("head_dim", config.headDim());
    section.put("vocabulary", config.vocabulary());
    section.put("context_length", config.contextLength());
    section.put("rms_epsilon", config.rmsEpsilon());
    section.put("rope", config.rope().layout().name().toLowerCase(Locale.ROOT));
    section.put("qkv_bias", config.qkvBias());
    section.put("qk_norm", config.qkNorm());
    section.put("tied_embedding", config.tiedEmbedding());
    config.experts().ifPresent(e -> section.put("experts", experts(e)));
    // Half floats, as a session holds them.
    section.put("kv_bytes_per_token_and_block", 2L * Short.BYTES * config.kvHeads() * config.headDim());
    return section;
  }

  private static Map<String, Object> experts(Experts experts) {
    Map<String, Object> section = Json.object();
    section.put("count", experts.count());
    section.put("used", experts.used());
    section.put("feed_forward", experts.feedForward());
    section.put("shared_feed_forward", experts.sharedFeedForward());
    section.put("normalised", experts.normalised());
    return section;
  }

  private static Map<String, Object> tokenizer(Tokenizer tokenizer) {
    Map<String, Object> section = Json.object();
    section.put("kind", tokenizer.describe());
    section.put("tokens", tokenizer.size());
    section.put("bos", tokenizer.bos());
    section.put("eos", tokenizer.eos());
    section.put("end_of_generation", tokenizer.endOfGeneration().stream().sorted().toList());
    return section;
  }

  private static Map<String, Object> section(Path file, Adapter adapter) {
    Map<String, Object> section = Json.object();
    section.put("file", file.toString());
    section.put("tensors", adapter.tensors().size());
    section.put("lora_scale", adapter.loraScale());
    section.put("lora_optional", adapter.isLoraOptional());
    section.put("base_sha256", adapter.baseSha256());
    return section;
  }

  /** The descriptor's keys, and the rank of its bypasses, which tensors say: one of all, or one of each. */
  private static Map<String, Object> mod(ModDescriptor mod, Collection<Tensor> tensors) {
    Map<String, Object> section = Json.object();
    mod.keys().forEach((key, value) -> {
      section.put(key, value);
      if (key.equals("bypass")) {
        List<Long> ranks = tensors.stream().filter(t -> t.name().endsWith("bypass_a.weight")).map(Tensor::rows).toList();
        section.put("bypass_rank", ranks.stream().distinct().count() == 1 ? ranks.getFirst() : ranks);
      }
    });
    return section;
  }

  private static void addTensors(Map<String, Object> json, Collection<Tensor> tensors) {
    Map<String, Object> size = Json.object();
    size.put("tensors", tensors.size());
    size.put("parameters", tensors.stream().mapToLong(Inspection::elements).sum());
    size.put("bytes", tensors.stream().mapToLong(tensor -> tensor.data().byteSize()).sum());
    byType(tensors).forEach((type, sums) -> {
      Map<String, Object> share = Json.object();
      share.put("tensors", sums[0]);
      share.put("bytes", sums[1]);
      size.put(type.name(), share);
    });
    json.put("size", size);
    json.put("tensors", tensors.stream().map(Inspection::tensor).toList());
  }

  private static Map<DType, long[]> byType(Collection<Tensor> tensors) {
    Map<DType, long[]> types = new TreeMap<>();
    for (Tensor tensor : tensors) {
      long[] sums = types.computeIfAbsent(tensor.type(), type -> new long[2]);
      sums[0]++;
      sums[1] += tensor.data().byteSize();
    }
    return types;
  }

  private static Map<String, Object> tensor(Tensor tensor) {
    Map<String, Object> entry = Json.object();
    entry.put("name", tensor.name());
    entry.put("type", tensor.type().name());
    entry.put("shape", tensor.shape());
    entry.put("bytes", tensor.data().byteSize());
    return entry;
  }

  /** Metadata without the vocabulary's long lists, of which the length is told. */
  private static Map<String, Object> metadata(Map<String, Object> metadata) {
    Map<String, Object> section = Json.object();
    metadata.forEach((key, value) -> section.put(key,
        value instanceof List<?> list && list.size() > LONGEST_LIST ? "list of " + list.size() : value));
    return section;
  }

  private static long elements(Tensor tensor) {
    return Math.multiplyExact(tensor.rows(), tensor.columns());
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
