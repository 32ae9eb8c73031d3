package dev.depths.loader;

import dev.depths.loader.chat.ChatTemplate;
import dev.depths.loader.tokenizer.Tokenizer;
import dev.depths.loader.tokenizer.Tokenizers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * A model as its files say: hyperparameters, tensors, tokenizer, chat template, and the Mixture-of-Depths descriptor if
 * it has one. Tensors are views of the mapped file and carry the names that GGUF gives them, whatever the format they
 * came from. Immutable and safe for use by several threads until closed.
 */
public final class Checkpoint implements AutoCloseable {
  private static final String IN_MEMORY = "checkpoint in memory";

  private final Object name;
  private final Arena arena;
  private final List<MemorySegment> files;
  private final Supplier<ModelConfig> config;
  private final Map<String, Tensor> tensors;
  private final Map<String, Object> metadata;
  private final Map<String, MemorySegment> encodedMetadata;
  private final Optional<ModDescriptor> mod;
  private final Optional<Calibration> calibration;
  private final Optional<String> note;
  private final Optional<RopeSource> rope;
  private final Supplier<Optional<Tokenizer>> tokenizer;
  private final Supplier<Optional<ChatTemplate>> chatTemplate;
  private final Supplier<String> sha256 = new Lazy<>(this::hash);

  private Checkpoint(Object name, Arena arena, List<MemorySegment> files, Supplier<ModelConfig> config,
      Map<String, Tensor> tensors, Map<String, Object> metadata, Map<String, MemorySegment> encodedMetadata,
      Optional<ModDescriptor> mod, Optional<Calibration> calibration, Optional<String> note, Optional<RopeSource> rope,
      Supplier<Optional<Tokenizer>> tokenizer, Supplier<Optional<String>> chatTemplate) {
    this.name = name;
    this.arena = arena;
    this.files = files;
    this.config = config;
    this.tensors = Collections.unmodifiableMap(tensors);
    this.metadata = Collections.unmodifiableMap(metadata);
    this.encodedMetadata = encodedMetadata;
    this.mod = mod;
    this.calibration = calibration;
    this.note = note;
    this.rope = rope;
    this.tokenizer = new Lazy<>(tokenizer);
    this.chatTemplate = new Lazy<>(() -> chatTemplate.get().map(this::template));
  }

  /**
   * Opens a GGUF file (split or whole) or a Hugging Face directory (safetensors, config.json, tokenizer.json), also one of a
   * training code that {@code loader/MOD-SCHEMA.md} lists.
   *
   * @throws IOException if a file cannot be read
   * @throws LoadException if a file is malformed or holds something that is not supported
   */
  public static Checkpoint open(Path path) throws IOException {
    if (path.toString().endsWith(".safetensors")) {
      throw new UnsupportedModelException(path, "a safetensors file has no hyperparameters; open its directory");
    }
    Arena arena = Arena.ofShared();
    try {
      return Files.isDirectory(path)
          ? huggingFace(path, HuggingFaceModel.open(path, arena), arena)
          : gguf(path, GgufModel.open(path, arena), arena);
    } catch (InternalError e) {
      arena.close();
      throw MappedFile.lost(path, "header", e);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  private static Checkpoint gguf(Path path, GgufModel model, Arena arena) {
    Metadata metadata = new Metadata(path, model.metadata());
    if (Adapter.isAdapter(model.metadata())) {
      throw metadata.unsupported("general.type is adapter: it changes a model and is none itself");
    }
    Optional<ModDescriptor> mod = ModReader.read(metadata, Set.of());
    // A file without tensors serves its vocabulary, whatever architecture it belongs to.
    Lazy<ModelConfig> config = new Lazy<>(() -> GgufConfig.read(metadata, model.tensors()));
    if (!model.tensors().isEmpty()) {
      check(path, config.get(), model.tensors(), mod);
    }
    return new Checkpoint(path, arena, model.files(), config, model.tensors(), model.metadata(), model.encoded(), mod,
        mod.flatMap(m -> CalibrationKeys.read(metadata, m)), metadata.string(ModReader.PREFIX + ModReader.NOTE),
        Optional.empty(),
        () -> metadata.has("tokenizer.ggml.model")
            ? Optional.of(Tokenizers.fromGguf(path, model.metadata())) : Optional.empty(),
        () -> metadata.string("tokenizer.chat_template"));
  }

  private static Checkpoint huggingFace(Path directory, HuggingFaceModel opened, Arena arena) {
    ImportedModel model = opened.model();
    Metadata config = new Metadata(directory, opened.metadata());
    check(directory, model.config(), model.tensors(), model.mod());
    return new Checkpoint(directory, arena, opened.files(), model::config, model.tensors(), opened.metadata(), Map.of(),
        model.mod(), model.mod().flatMap(mod -> CalibrationKeys.read(config, mod)), model.note(),
        Optional.of(model.rope()),
        () -> Files.exists(directory.resolve("tokenizer.json"))
            ? Optional.of(Tokenizers.fromHuggingFace(directory)) : Optional.empty(),
        () -> HuggingFaceTemplate.read(directory));
  }

  /**
   * A checkpoint in memory: hyperparameters and tensors, and perhaps routed blocks, without tokenizer. The tensors stay
   * the caller's: closing the checkpoint does not free them.
   *
   * @throws LoadException if the tensors are not those of the hyperparameters
   */
  public static Checkpoint of(ModelConfig config, Map<String, Tensor> tensors, Optional<ModDescriptor> mod) {
    Architectures.requireSupported(IN_MEMORY, config.architecture());
    check(IN_MEMORY, config, tensors, mod);
    return new Checkpoint(
        IN_MEMORY, null, List.of(), () -> config, tensors, Map.of(), Map.of(), mod, Optional.empty(), Optional.empty(),
        Optional.empty(), Optional::empty, Optional::empty);
  }

  private static void check(
      Object file, ModelConfig config, Map<String, Tensor> tensors, Optional<ModDescriptor> mod) {
    int noopExperts = mod.map(ModDescriptor::noopExperts).orElse(0);
    ModelChecks.check(file, config, noopExperts, tensors,
        mod.map(m -> ModTensors.check(file, m, config, tensors)).orElse(Set.of()));
  }

  private ChatTemplate template(String source) {
    Optional<Tokenizer> tokens = tokenizer();
    String bos = tokens.filter(t -> t.bos() >= 0).map(t -> t.piece(t.bos())).orElse("");
    String eos = tokens.filter(t -> t.eos() >= 0).map(t -> t.piece(t.eos())).orElse("");
    return ChatTemplate.of(source, bos, eos);
  }

  private String hash() {
    try {
      return files.isEmpty() ? "" : Sha256.of(files);
    } catch (InternalError e) {
      throw MappedFile.lost(name, "bytes", e);
    }
  }

  /**
   * Hyperparameters.
   *
   * @throws LoadException for a file that holds a vocabulary only, if it is of an architecture that is not supported
   */
  public ModelConfig config() {
    return config.get();
  }

  /** All tensors by name, in file order; empty for a file that holds a vocabulary only. */
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  /**
   * The tokenizer, or empty for a checkpoint without vocabulary. Built when first asked for.
   *
   * @throws LoadException if it is malformed or not supported
   */
  public Optional<Tokenizer> tokenizer() {
    return tokenizer.get();
  }

  /** The chat template, if the checkpoint has one. Built when first asked for. */
  public Optional<ChatTemplate> chatTemplate() {
    return chatTemplate.get();
  }

  /** The semantics of the routed blocks, if the checkpoint itself is a Mixture-of-Depths model. */
  public Optional<ModDescriptor> mod() {
    return mod;
  }

  /** What thresholds of its routers are worth, if that was measured. */
  public Optional<Calibration> calibration() {
    return calibration;
  }

  /** What people should know of the model, as of which training code it is and what of it is left out. */
  public Optional<String> note() {
    return note;
  }

  /**
   * The file's metadata, keys as written: Long for all integers, Float or Double, Boolean, String, and lists of them,
   * which may be views of the file.
   */
  public Map<String, Object> metadata() {
    return metadata;
  }

  /** What the rotary embedding of a directory's model is made of; else empty. */
  Optional<RopeSource> rope() {
    return rope;
  }

  /** The metadata of a GGUF file as it has them, see {@link GgufFile}; else empty. */
  Map<String, MemorySegment> encodedMetadata() {
    return encodedMetadata;
  }

  /** SHA-256 (hex) of the model file, or of its parts one after the other; empty for a checkpoint in memory. */
  public String sha256() {
    return sha256.get();
  }

  /** Unmaps the files; tensors and lists of metadata must not be used afterwards. */
  @Override
  public void close() {
    if (arena != null && arena.scope().isAlive()) {
      arena.close();
    }
  }
}
