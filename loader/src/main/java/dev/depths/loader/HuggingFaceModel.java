package dev.depths.loader;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SequencedSet;

/**
 * A model in a Hugging Face directory: {@code config.json} and {@code model.safetensors}, or shards with
 * {@code model.safetensors.index.json}.
 *
 * @param config the configuration's values
 * @param tensors of all shards, by GGUF's names
 * @param files the mapped bytes, in order
 */
record HuggingFaceModel(
    SequencedMap<String, Object> config, SequencedMap<String, Tensor> tensors, List<MemorySegment> files) {
  private static final String WEIGHTS = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String WEIGHT_MAP = "weight_map.";
  private static final int MAX_SHARDS = 1000;

  static HuggingFaceModel open(Path directory, Arena arena) throws IOException {
    Path configFile = directory.resolve("config.json");
    SequencedMap<String, Object> config = TextFile.json(configFile);
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    List<MemorySegment> files = new ArrayList<>();
    Path index = directory.resolve(INDEX);
    if (Files.exists(directory.resolve(WEIGHTS))) {
      files.add(load(directory.resolve(WEIGHTS), arena, tensors).bytes);
    } else if (Files.exists(index)) {
      sharded(index, arena, tensors, files);
    } else {
      throw new UnsupportedModelException(
          directory, "has neither " + WEIGHTS + " nor " + INDEX + "; other formats of weights are not supported");
    }
    if (HuggingFaceConfig.tied(new Metadata(configFile, config), tensors)) {
      tensors.remove("output.weight");
    }
    return new HuggingFaceModel(config, tensors, List.copyOf(files));
  }

  private record Shard(MemorySegment bytes, SafetensorsFile content) {}

  private static Shard load(Path file, Arena arena, Map<String, Tensor> tensors) throws IOException {
    MemorySegment bytes = MappedFile.map(file, arena);
    SafetensorsFile content = SafetensorsFile.parse(file, bytes);
    for (Tensor tensor : content.tensors().values()) {
      Optional<String> name = HuggingFaceNames.toGguf(file, tensor.name());
      if (name.isPresent()
          && tensors.put(name.get(), new Tensor(name.get(), tensor.type(), tensor.shape(), tensor.data())) != null) {
        throw new MalformedFileException(file, "tensor " + tensor.name(), "is in an earlier shard too");
      }
    }
    return new Shard(bytes, content);
  }

  private static void sharded(
      Path index, Arena arena, Map<String, Tensor> tensors, List<MemorySegment> files) throws IOException {
    Map<String, String> shardOf = weightMap(index);
    SequencedSet<String> names = new LinkedHashSet<>(shardOf.values());
    if (names.isEmpty() || names.size() > MAX_SHARDS) {
      throw new MalformedFileException(
          index, "weight_map", "names " + names.size() + " shards, expected 1 to " + MAX_SHARDS);
    }
    Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    for (String name : names) {
      Shard shard = load(index.resolveSibling(name), arena, tensors);
      files.add(shard.bytes);
      shards.put(name, shard.content);
    }
    shardOf.forEach((tensor, shard) -> {
      if (!shards.get(shard).tensors().containsKey(tensor)) {
        throw new MalformedFileException(index, WEIGHT_MAP + tensor, "says " + shard + ", which does not have it");
      }
    });
  }

  /** Shard names by tensor: plain names of files in the directory, for an index must not reach beyond it. */
  private static Map<String, String> weightMap(Path index) throws IOException {
    Map<String, String> shardOf = new LinkedHashMap<>();
    TextFile.json(index).forEach((key, value) -> {
      if (!key.startsWith(WEIGHT_MAP)) {
        return;
      }
      boolean plain = value instanceof String name && name.endsWith(".safetensors") && !name.contains("..")
          && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ');
      if (!plain) {
        throw new MalformedFileException(
            index, key, "is " + Metadata.shown(value) + ", expected the name of a .safetensors file beside the index");
      }
      shardOf.put(key.substring(WEIGHT_MAP.length()), (String) value);
    });
    return shardOf;
  }
}
