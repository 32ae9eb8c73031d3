package dev.depths.loader;

import dev.depths.loader.tokenizer.Tokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Puts a model into a GGUF file that is yet to be written. */
final class ModelConversion {
  private static final String FILE_TYPE = "general.file_type";
  private static final String QUANTIZATION_VERSION = "general.quantization_version";

  private final Path source;
  private final Checkpoint checkpoint;
  private final Optional<Adapter> adapter;
  private final StorageTypes types;
  private final boolean directory;
  private final GgufWriter writer;
  private final List<String> notes;

  /**
   * @param adapter to merge
   * @param asked the type of the matrices, or empty to keep theirs
   * @param notes receives what GGUF cannot say
   */
  ModelConversion(Path source, Checkpoint checkpoint, Optional<Adapter> adapter, Optional<DType> asked, GgufWriter writer,
      List<String> notes) {
    this.source = source;
    this.checkpoint = checkpoint;
    this.adapter = adapter;
    this.directory = Files.isDirectory(source);
    this.types = new StorageTypes(asked, directory);
    this.writer = writer;
    this.notes = notes;
  }

  /**
   * Adds all metadata and tensors.
   *
   * @throws LoadException if the adapter does not fit the model, or GGUF cannot express the tokenizer
   */
  void prepare() throws IOException {
    adapter.ifPresent(this::requireFits);
    if (directory) {
      fromHuggingFace();
    } else {
      fromGguf();
    }
    for (Tensor tensor : checkpoint.tensors().values()) {
      ModelConfig config = checkpoint.config();
      RowOrder order = RowOrder.of(tensor.name(), config, Architectures.ggufLayout(source, config.architecture()));
      new ConvertedTensor(source, tensor, types.of(tensor, adapter), order, adapter).addTo(writer);
    }
    adapter.ifPresent(this::addRouters);
  }

  private void requireFits(Adapter merged) {
    if (checkpoint.mod().isPresent()) {
      throw new UnsupportedModelException(source, "is a Mixture-of-Depths model; an adapter is merged into a dense one");
    }
    merged.validate(checkpoint.config());
  }

  private void addRouters(Adapter merged) {
    merged.metadata().copyTo(writer, Adapter.OTHER_KEYS);
    for (Tensor tensor : merged.tensors().values()) {
      if (!Adapter.isFactor(tensor)) {
        new ConvertedTensor(source, tensor, DType.F32, RowOrder.SAME, Optional.empty()).addTo(writer);
      }
    }
  }

  private void fromHuggingFace() throws IOException {
    ModelConfig config = checkpoint.config();
    Metadata metadata = new Metadata(source.resolve("config.json"), checkpoint.metadata());
    HuggingFaceParameters.write(source, metadata, config, StorageTypes.fileType(prevailing()).orElseThrow(), writer);
    if (metadata.has("mod.version")) {
      new ModMetadata(metadata, Map.of()).copyTo(writer, Set.of());
    } else {
      checkpoint.mod().ifPresent(mod -> ModMetadata.of(source, mod).copyTo(writer, Set.of()));
    }
    if (Files.exists(source.resolve("tokenizer.json"))) {
      notes.addAll(Tokenizers.huggingFaceToGguf(source, config.vocabulary(), writer));
    } else {
      notes.add("there is no tokenizer.json, so that the file has no tokenizer");
    }
    HuggingFaceTemplate.read(source).ifPresent(template -> writer.put("tokenizer.chat_template", template));
  }

  private void fromGguf() {
    writer.putAll(checkpoint.metadata(), checkpoint.encodedMetadata());
    if (checkpoint.tensors().isEmpty()) {
      return;
    }
    DType after = prevailing();
    StorageTypes kept = new StorageTypes(Optional.empty(), false);
    if (types.asked().isPresent() || after != kept.prevailing(checkpoint.tensors().values(), Optional.empty())) {
      StorageTypes.fileType(after).ifPresent(number -> writer.put(FILE_TYPE, number));
    }
    if (after.blockSize() > 1 && !checkpoint.metadata().containsKey(QUANTIZATION_VERSION)) {
      writer.put(QUANTIZATION_VERSION, StorageTypes.QUANTIZATION_VERSION);
    }
  }

  private DType prevailing() {
    return types.prevailing(checkpoint.tensors().values(), adapter);
  }
}
