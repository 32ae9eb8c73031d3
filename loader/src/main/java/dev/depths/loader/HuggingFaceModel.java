package dev.depths.loader;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/**
 * A model in a directory of safetensors files and {@code config.json}, or {@code params.json}: one of Hugging Face's
 * architectures, perhaps with keys {@code mod.*}, or what a {@link ModImporter} makes of it.
 *
 * @param metadata the configuration's values as written
 * @param files the mapped bytes, in order
 */
record HuggingFaceModel(SequencedMap<String, Object> metadata, ImportedModel model, List<MemorySegment> files) {

  static HuggingFaceModel open(Path directory, Arena arena) throws IOException {
    Path file = configFile(directory);
    SequencedMap<String, Object> values = TextFile.json(file);
    Metadata config = new Metadata(file, values);
    HuggingFaceShards shards = HuggingFaceShards.open(directory, arena);
    SourceTensors tensors = shards.tensors();
    ImportedModel model = ModImporter.of(config, tensors)
        .map(importer -> importer.read(config, tensors))
        .orElseGet(() -> plain(config, tensors));
    return new HuggingFaceModel(values, model, List.copyOf(shards.files()));
  }

  /** The configuration, under the name that codes after Meta's give it if there is no other. */
  private static Path configFile(Path directory) {
    Path config = directory.resolve("config.json");
    Path params = directory.resolve("params.json");
    return Files.exists(config) || !Files.exists(params) ? config : params;
  }

  private static ImportedModel plain(Metadata config, SourceTensors tensors) {
    return ImportedModel.huggingFace(
        config, tensors.toGguf(new TensorNames()), ModReader.read(config, Set.of()), config.string("mod.note"));
  }
}
