package dev.depths.loader;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A model in a directory of safetensors files and {@code config.json}, or {@code params.json}: one of Hugging Face's
 * architectures, perhaps with keys {@code mod.*}, or what a {@link ModImporter} makes of it.
 *
 * @param metadata the configuration's values as written
 * @param files the mapped bytes, in order
 */
record HuggingFaceModel(Map<String, Object> metadata, ImportedModel model, List<MemorySegment> files) {

  static HuggingFaceModel open(Path directory, Arena arena) throws IOException {
    Metadata config = config(directory);
    HuggingFaceShards shards = HuggingFaceShards.open(directory, arena);
    SourceTensors tensors = shards.tensors();
    ImportedModel model = ModImporter.of(config, tensors)
        .map(importer -> importer.read(config, tensors))
        .orElseGet(() -> plain(config, tensors));
    return new HuggingFaceModel(config.values(), model, List.copyOf(shards.files()));
  }

  /** The configuration, under the name that codes after Meta's give it if there is no other. */
  static Metadata config(Path directory) throws IOException {
    Path config = directory.resolve("config.json");
    Path params = directory.resolve("params.json");
    Path file = Files.exists(config) || !Files.exists(params) ? config : params;
    return new Metadata(file, TextFile.json(file));
  }

  private static ImportedModel plain(Metadata config, SourceTensors tensors) {
    return ImportedModel.huggingFace(
        config, tensors.toGguf(new TensorNames()), ModReader.read(config, Set.of()), config.string(ModReader.PREFIX + ModReader.NOTE));
  }
}
