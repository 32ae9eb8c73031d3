package dev.depths.loader;

import dev.depths.loader.tokenizer.Tokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
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
    Map<String, ExpertStack> stacks = directory ? stacks() : Map.of();
    for (Tensor tensor : checkpoint.tensors().values()) {
      ExpertStack stack = stacks.get(tensor.name());
      if (stack != null) {
        stack.addTo(writer); // once for each expert: the writer replaces what has the name
        continue;
      }
      ModelConfig config = checkpoint.config();
      RowOrder order = RowOrder.of(tensor.name(), config, Architectures.ggufLayout(source, config.architecture()));
      new ConvertedTensor(source, tensor, types.of(tensor, adapter), order, adapter).addTo(writer);
    }
    adapter.ifPresent(this::addRouting);
  }

  private void requireFits(Adapter merged) {
    if (checkpoint.mod().isPresent()) {
      throw new UnsupportedModelException(source, "is a Mixture-of-Depths model; an adapter is merged into a dense one");
    }
    merged.validate(checkpoint.config());
  }

  /** What becomes of the tensors that hold one expert's matrix each, by their names. */
  private Map<String, ExpertStack> stacks() {
    Map<String, ExpertStack> stacks = new HashMap<>();
    for (int block = 0; block < checkpoint.config().blocks(); block++) {
      int count = checkpoint.config().experts(block).map(Experts::count).orElse(0);
      for (ExpertMatrix matrix : ExpertMatrix.values()) {
        List<Tensor> experts = new ArrayList<>();
        for (int expert = 0; expert < count; expert++) {
          experts.add(checkpoint.tensors().get(matrix.single(block, expert)));
        }
        ExpertStack stack = new ExpertStack(source, matrix.stacked(block), experts, stackType(experts));
        experts.forEach(expert -> stacks.put(expert.name(), stack));
      }
    }
    return stacks;
  }

  /** The type that all have, or one that holds the values of all. */
  private DType stackType(List<Tensor> experts) {
    List<DType> all = experts.stream().map(expert -> types.of(expert, adapter)).distinct().toList();
    return all.size() == 1 ? all.getFirst() : DType.F32;
  }

  private void addRouting(Adapter merged) {
    merged.metadata().copyTo(writer, Adapter.OTHER_KEYS);
    for (Tensor tensor : merged.tensors().values()) {
      if (!Adapter.isFactor(tensor)) {
        DType type = ModTensors.isBypass(tensor.name()) ? tensor.type() : DType.F32;
        new ConvertedTensor(source, tensor, type, RowOrder.SAME, Optional.empty()).addTo(writer);
      }
    }
  }

  private void fromHuggingFace() throws IOException {
    ModelConfig config = checkpoint.config();
    Metadata metadata = new Metadata(source.resolve("config.json"), checkpoint.metadata());
    HuggingFaceParameters.write(
        source, config, checkpoint.rope().orElseThrow(), StorageTypes.fileType(prevailing()).orElseThrow(), writer);
    if (metadata.has("mod.version")) {
      new ModMetadata(metadata, Map.of()).copyTo(writer, Set.of());
    } else {
      checkpoint.mod().ifPresent(mod -> ModMetadata.of(source, mod).copyTo(writer, Set.of()));
      checkpoint.note().ifPresent(note -> writer.put(ModReader.PREFIX + ModReader.NOTE, note));
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
