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
import java.util.SequencedSet;

/**
 * The weights of a Hugging Face directory: {@code model.safetensors}, or shards with {@code model.safetensors.index.json}.
 *
 * @param tensors of all shards
 * @param files the mapped bytes, in order
 */
record HuggingFaceShards(SourceTensors tensors, List<MemorySegment> files) {
  private static final String WEIGHTS = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String WEIGHT_MAP = "weight_map.";
  private static final int MAX_SHARDS = 1000;

  static HuggingFaceShards open(Path directory, Arena arena) throws IOException {
    HuggingFaceShards shards = new HuggingFaceShards(new SourceTensors(directory, arena), new ArrayList<>());
    if (Files.exists(directory.resolve(WEIGHTS))) {
      shards.load(directory.resolve(WEIGHTS), arena);
    } else if (Files.exists(directory.resolve(INDEX))) {
      shards.loadAll(directory.resolve(INDEX), arena);
    } else {
      throw new UnsupportedModelException(
          directory, "has neither " + WEIGHTS + " nor " + INDEX + "; other formats of weights are not supported");
    }
    return shards;
  }

  private SafetensorsFile load(Path file, Arena arena) throws IOException {
    MemorySegment bytes = MappedFile.map(file, arena);
    SafetensorsFile content = SafetensorsFile.parse(file, bytes);
    content.tensors().values().forEach(tensor -> tensors.add(file, tensor));
    files.add(bytes);
    return content;
  }

  private void loadAll(Path index, Arena arena) throws IOException {
    Map<String, String> shardOf = weightMap(index);
    SequencedSet<String> names = new LinkedHashSet<>(shardOf.values());
    if (names.isEmpty() || names.size() > MAX_SHARDS) {
      throw new MalformedFileException(
          index, "weight_map", "names " + names.size() + " shards, expected 1 to " + MAX_SHARDS);
    }
    Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
    for (String name : names) {
      shards.put(name, load(index.resolveSibling(name), arena));
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
