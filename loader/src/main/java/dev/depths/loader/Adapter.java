package dev.depths.loader;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A Mixture-of-Depths adapter for a dense checkpoint: routers, bypasses if the descriptor states them, and optionally
 * low-rank updates of its matrices, {@code W' = W + scale · B·A} (LoRA, arXiv 2106.09685). Tensors {@code
 * blk.N.mod_router.weight}, {@code blk.N.<matrix>.lora_a} [rank, in] and {@code .lora_b} [out, rank]; rows of query and key
 * updates are in the order of the base checkpoint. A safetensors file with the descriptor as JSON under the metadata key {@code mod}, which is what training code writes; or a
 * GGUF file with {@code general.type} {@code adapter} and the descriptor under keys {@code mod.*}, which is opened faster. Or
 * a directory of routers that Router-Tuning wrote.
 */
public final class Adapter implements AutoCloseable {
  /** Keys beside the descriptor's own, without prefix: what says how to apply the adapter. */
  static final Set<String> OTHER_KEYS = Set.of("lora.rank", "lora.scale", "lora.optional", "base_sha256");
  private static final String SAFETENSORS_KEY = "__metadata__.mod";
  private static final String NO_ADAPTER = ": this is no Mixture-of-Depths adapter";
  private static final String LORA_A = ".lora_a";
  private static final String LORA_B = ".lora_b";
  private static final String WEIGHT = ".weight";

  /** Matrices of a mixture of experts; of these the shared expert's alone can be updated. */
  private static final Pattern EXPERTS = Pattern.compile("blk\\.\\d+\\.ffn_(gate|up|down)(\\.\\d+|_exps|_inp|_inp_shexp)");

  private final Object file;
  private final Arena arena;
  private final ModDescriptor descriptor;
  private final Optional<Calibration> calibration;
  private final ModMetadata metadata;
  private final Map<String, Tensor> tensors;
  private final float loraScale;
  private final boolean loraOptional;
  private final String baseSha256;

  private Adapter(Object file, Arena arena, MemorySegment data) {
    this.file = file;
    this.arena = arena;
    Metadata metadata;
    Map<String, MemorySegment> encoded = Map.of();
    if (GgufFile.hasMagic(data)) {
      GgufFile content = GgufFile.parse(file, data);
      this.tensors = Collections.unmodifiableMap(content.tensors());
      metadata = new Metadata(file, content.metadata());
      encoded = content.encoded();
    } else {
      SafetensorsFile content = SafetensorsFile.parse(file, data);
      this.tensors = Collections.unmodifiableMap(content.tensors());
      String json = content.metadata().get("mod");
      if (json == null) {
        throw new MalformedFileException(file, SAFETENSORS_KEY, "is missing" + NO_ADAPTER);
      }
      metadata = new Metadata(file, Json.object(file, SAFETENSORS_KEY, json, ModReader.PREFIX));
    }
    this.metadata = new ModMetadata(metadata, encoded);
    this.descriptor = ModReader.read(metadata, OTHER_KEYS)
        .orElseThrow(() -> new MalformedFileException(file, "mod", "has no keys" + NO_ADAPTER));
    this.calibration = CalibrationKeys.read(metadata, descriptor);
    long rank = metadata.integer("mod.lora.rank", 1, Limits.RANK).orElse(0L);
    this.loraScale = metadata.number("mod.lora.scale", -1e6, 1e6).orElse(0.0).floatValue();
    this.loraOptional = metadata.booleanOr("mod.lora.optional", false);
    this.baseSha256 = metadata.string("mod.base_sha256").orElse("").toLowerCase(Locale.ROOT);
    if (!baseSha256.isEmpty() && !baseSha256.matches("[0-9a-f]{64}")) {
      throw metadata.malformed(
          "mod.base_sha256", "is " + Metadata.shown(baseSha256) + ", expected 64 hexadecimal digits");
    }
    checkPairs(rank, metadata.has("mod.lora.scale"));
  }

  /** Routers alone, whose descriptor comes from elsewhere. */
  Adapter(Object file, Arena arena, ModDescriptor descriptor, Map<String, Tensor> routers) {
    this.file = file;
    this.arena = arena;
    this.descriptor = descriptor;
    this.calibration = Optional.empty();
    this.metadata = ModMetadata.of(file, descriptor);
    this.tensors = Collections.unmodifiableMap(routers);
    this.loraScale = 0;
    this.loraOptional = false;
    this.baseSha256 = "";
  }

  /**
   * Maps an adapter file, or a directory of Router-Tuning's.
   *
   * @throws IOException if the file cannot be read
   * @throws LoadException if it is malformed or not supported
   */
  public static Adapter open(Path file) throws IOException {
    Arena arena = Arena.ofShared();
    try {
      return Files.isDirectory(file)
          ? directory(file, arena) : new Adapter(file, arena, MappedFile.map(file, arena));
    } catch (InternalError e) {
      arena.close();
      throw MappedFile.lost(file, "header", e);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  private static Adapter directory(Path directory, Arena arena) throws IOException {
    Metadata config = HuggingFaceModel.config(directory);
    SourceTensors tensors = HuggingFaceShards.open(directory, arena).tensors();
    if (!RouterTuningImporter.marks(config) || !RouterTuningImporter.isRouters(tensors)) {
      throw new UnsupportedModelException(directory, "does not hold Router-Tuning's routers alone" + NO_ADAPTER);
    }
    return RouterTuningImporter.adapter(config, tensors, arena);
  }

  /**
   * Whether a file says that it is an adapter: a single safetensors file, GGUF of the type {@code adapter}, or a directory of
   * Router-Tuning's routers.
   *
   * @throws IOException if the file cannot be read
   * @throws LoadException if it is malformed
   */
  public static boolean isAdapter(Path file) throws IOException {
    boolean directory = Files.isDirectory(file) && Files.exists(file.resolve("config.json"));
    if (!directory && !Files.isRegularFile(file)) {
      return false;
    }
    try (Arena arena = Arena.ofConfined()) {
      if (directory) {
        return RouterTuningImporter.marks(HuggingFaceModel.config(file))
            && RouterTuningImporter.isRouters(HuggingFaceShards.open(file, arena).tensors());
      }
      MemorySegment data = MappedFile.map(file, arena);
      return GgufFile.hasMagic(data)
          ? isAdapter(GgufFile.parse(file, data).metadata()) : file.toString().endsWith(".safetensors");
    } catch (InternalError e) {
      throw MappedFile.lost(file, "header", e);
    }
  }

  static boolean isAdapter(Map<String, Object> gguf) {
    return "adapter".equals(gguf.get("general.type"));
  }

  /** An adapter in memory that outlives it. */
  static Adapter parse(Object name, MemorySegment data) {
    return new Adapter(name, null, data);
  }

  /** Each update has both of its factors, of one rank. */
  private void checkPairs(long rank, boolean hasScale) {
    for (Tensor tensor : tensors.values()) {
      String name = tensor.name();
      if (!isFactor(tensor)) {
        continue;
      }
      String matrix = name.substring(0, name.length() - LORA_A.length());
      Tensor a = tensors.get(matrix + LORA_A);
      Tensor b = tensors.get(matrix + LORA_B);
      if (a == null || b == null) {
        throw malformed(name, "has no " + (a == null ? LORA_A : LORA_B) + " beside it");
      }
      if (!hasScale || rank == 0) {
        throw new MalformedFileException(file, "mod", "has no lora.rank or lora.scale for the updates");
      }
      if (a.shape().size() != 2 || b.shape().size() != 2 || a.rows() != rank || b.columns() != rank) {
        throw malformed(name, "has the shapes " + a.shape() + " and " + b.shape() + " of its factors, expected ["
            + rank + ", in] and [out, " + rank + "]");
      }
    }
  }

  /**
   * Checks that this adapter fits a dense model: its routed blocks exist, each has its router and bypass, and every other
   * tensor updates a matrix of the model, in that matrix' shape and order of rows.
   *
   * @throws LoadException if it does not
   */
  public void validate(ModelConfig config) {
    if (descriptor.noopExperts() > 0) {
      throw new UnsupportedModelException(file, "mod.noop_experts is a property of models; an adapter adds no experts");
    }
    requireRowOrder(config);
    Set<String> routing = ModTensors.check(file, descriptor, config, tensors);
    Map<String, List<Long>> matrices = new HashMap<>();
    for (int block = 0; block < config.blocks(); block++) {
      matrices.putAll(ModelChecks.matrices(config, block));
    }
    for (Tensor tensor : tensors.values()) {
      String name = tensor.name();
      if (routing.contains(name)) {
        continue;
      }
      boolean isA = name.endsWith(LORA_A);
      if (!isFactor(tensor)) {
        throw new UnsupportedModelException(
            file, "tensor " + name + " is neither a router nor a bypass of a routed block, nor a low-rank update");
      }
      String matrix = name.substring(0, name.length() - LORA_A.length());
      List<Long> shape = matrices.get(matrix + WEIGHT);
      if (shape == null && config.experts().isPresent() && EXPERTS.matcher(matrix).matches()) {
        throw new UnsupportedModelException(file, "tensor " + name + " updates experts or their router");
      }
      if (shape == null) {
        throw malformed(name, "updates " + matrix + ".weight, which the base does not have");
      }
      long size = isA ? tensor.columns() : tensor.rows();
      long expected = isA ? shape.get(1) : shape.get(0);
      if (size != expected) {
        throw malformed(name, "has the shape " + tensor.shape() + ", expected " + expected + " instead of " + size
            + " for " + matrix + ".weight " + shape);
      }
    }
  }

  /** Query and key rows are in the order of GGUF files, which for the llama architectures is not that of Hugging Face. */
  private void requireRowOrder(ModelConfig config) {
    boolean turned = tensors.keySet().stream().anyMatch(n -> n.contains("attn_q.") || n.contains("attn_k."));
    String architecture = config.architecture();
    if (turned && config.rope().layout() != Architectures.ggufLayout(file, architecture)) {
      throw new UnsupportedModelException(file, "an adapter of query or key matrices needs a " + architecture
          + " base in a GGUF file, not a Hugging Face directory, whose rows are in another order");
    }
  }

  private MalformedFileException malformed(String tensor, String problem) {
    return new MalformedFileException(file, "tensor " + tensor, problem);
  }

  /** The semantics of the routed blocks. */
  public ModDescriptor descriptor() {
    return descriptor;
  }

  /** What thresholds of the routers are worth, if that was measured. */
  public Optional<Calibration> calibration() {
    return calibration;
  }

  /** All tensors by name, in file order: routers, bypasses and LoRA factors. */
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  /** Scale of the low-rank updates; 0 if there are none. */
  public float loraScale() {
    return loraScale;
  }

  /** Whether the adapter also works, if less well, without its low-rank updates. */
  public boolean isLoraOptional() {
    return loraOptional;
  }

  /** Whether a tensor is a factor of a low-rank update. */
  static boolean isFactor(Tensor tensor) {
    return tensor.name().endsWith(LORA_A) || tensor.name().endsWith(LORA_B);
  }

  /** Whether a tensor of the base, named {@code blk.N.<matrix>.weight}, has an update. */
  boolean updates(String weight) {
    return tensors.containsKey(matrix(weight) + LORA_A);
  }

  /** The update of a tensor of the base, named {@code blk.N.<matrix>.weight}, if it has one. */
  Optional<LowRankUpdate> update(String weight) {
    String matrix = matrix(weight);
    return updates(weight)
        ? Optional.of(LowRankUpdate.of(tensors.get(matrix + LORA_A), tensors.get(matrix + LORA_B), loraScale))
        : Optional.empty();
  }

  private static String matrix(String weight) {
    return weight.endsWith(WEIGHT) ? weight.substring(0, weight.length() - WEIGHT.length()) : weight;
  }

  /** The descriptor and what says how to apply the adapter, as the file has them. */
  ModMetadata metadata() {
    return metadata;
  }

  /** SHA-256 (hex) of the base checkpoint's file, or empty if any base of the right shape serves. */
  public String baseSha256() {
    return baseSha256;
  }

  /** Unmaps the file; its tensors must not be used afterwards. */
  @Override
  public void close() {
    if (arena != null && arena.scope().isAlive()) {
      arena.close();
    }
  }
}
