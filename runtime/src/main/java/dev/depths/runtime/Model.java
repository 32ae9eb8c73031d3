package dev.depths.runtime;

import dev.depths.loader.Adapter;
import dev.depths.loader.Calibration;
import dev.depths.loader.Checkpoint;
import dev.depths.loader.LoadException;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.Tensor;
import dev.depths.loader.chat.ChatTemplate;
import dev.depths.loader.tokenizer.Tokenizer;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.Packer;
import dev.depths.runtime.kernel.PanelFormat;
import dev.depths.runtime.kernel.Warmup;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * A model ready to run: packed weights, tokenizer and worker pool. Immutable and safe for use by several threads, each
 * with a session of its own; sessions share the workers and take turns.
 */
public final class Model implements AutoCloseable {
  private static final String VECTOR_MODULE = "jdk.incubator.vector";

  private final Checkpoint checkpoint;
  private final ModelOptions options;
  private final Optional<ModDescriptor> mod;
  private final Optional<Calibration> calibration;
  private final String adapterFingerprint;
  private final Kernels kernels;
  private final Workers workers;
  private final Arena arena = Arena.ofShared();
  private final Weights weights;
  private final int lowRankRows;
  private final RopeTable rope;
  private final long loadNanos;
  private final Warmup warmup;
  private volatile boolean closed;

  /** @param cacheKey of the packed cache, and that of the adapter's matrices; null for none */
  private Model(Checkpoint checkpoint, String cacheKey, Adapter adapter, String updateCacheKey, ModelOptions options,
      long start) {
    Events.Load event = Events.load();
    this.checkpoint = checkpoint;
    this.options = options;
    this.mod = adapter == null ? checkpoint.mod() : Optional.of(adapter.descriptor());
    this.calibration = adapter == null ? checkpoint.calibration() : adapter.calibration();
    this.adapterFingerprint = adapter == null ? "" : Fingerprint.of(adapter.tensors());
    this.workers = new Workers(options.threads());
    this.warmup = Warmup.start(formats(checkpoint, options.exact()));
    this.kernels = warmup.kernels();
    Thread.ofPlatform().daemon().name("depths-tokenizer").start(() -> buildTokenizer(checkpoint));
    try (Arena scratch = Arena.ofShared()) {
      PackedCache cache = cache(cacheKey);
      PackedCache updateCache = cache(updateCacheKey);
      WeightsBuilder builder =
          new WeightsBuilder(checkpoint, adapter, options, cache, updateCache, workers, arena, scratch);
      this.weights = builder.build(mod.orElse(null));
      if (cache != null) {
        cache.store();
      }
      if (updateCache != null) {
        updateCache.store();
      }
      this.lowRankRows = builder.lowRankRows();
      this.rope = new RopeTable(checkpoint.config().rope());
    } catch (RuntimeException | Error e) {
      warmup.close();
      workers.close();
      arena.close();
      throw e;
    }
    this.loadNanos = System.nanoTime() - start;
    if (event != null && event.shouldCommit()) {
      event.of(this).commit();
    }
  }

  private PackedCache cache(String key) {
    return key == null ? null : new PackedCache(options.cache().get(), key, workers, arena);
  }

  /** Builds the tokenizer, which takes as long as reading the weights does, beside that. */
  private static void buildTokenizer(Checkpoint checkpoint) {
    try {
      checkpoint.tokenizer();
    } catch (RuntimeException | Error _) {
      // Whoever asks for the tokenizer is told.
    }
  }

  /** What the checkpoint's matrices are packed as. */
  private static Set<PanelFormat> formats(Checkpoint checkpoint, boolean exact) {
    Set<PanelFormat> formats = EnumSet.noneOf(PanelFormat.class);
    for (Tensor t : checkpoint.tensors().values()) {
      if (t.shape().size() > 1) {
        formats.add(exact ? PanelFormat.F32 : Packer.formatsOf(t).getFirst());
      }
    }
    return formats;
  }

  /**
   * Has the JIT compile, on threads of its own, what a first pass over any model needs. Opening a model does it too; a program
   * that has other things to do before gains by calling this first of all, and again once it knows more.
   *
   * @param promptTokens about how many tokens the first pass will compute; 0 if that is not known yet
   * @throws IllegalStateException if the JVM runs without {@code --add-modules jdk.incubator.vector}
   */
  public static void warmUp(int promptTokens) {
    requireVectorModule();
    Warmup.begin(promptTokens);
  }

  /** Opens a GGUF file or Hugging Face directory with {@link ModelOptions#defaults()}. */
  public static Model open(Path path) throws IOException {
    return open(path, ModelOptions.defaults());
  }

  /**
   * Opens a GGUF file or Hugging Face directory.
   *
   * @throws IOException if a file cannot be read
   * @throws LoadException if a file is malformed, or asks for something that Depths does not do
   * @throws IllegalStateException if the JVM runs without {@code --add-modules jdk.incubator.vector}
   */
  public static Model open(Path path, ModelOptions options) throws IOException {
    long start = System.nanoTime();
    requireVectorModule();
    return of(Checkpoint.open(path), path, options, start);
  }

  /** A model of a checkpoint, which it owns from now on and closes, also if this fails. */
  public static Model of(Checkpoint checkpoint, ModelOptions options) throws IOException {
    long start = System.nanoTime();
    requireVectorModule();
    return of(checkpoint, null, options, start);
  }

  /** @param path where the checkpoint comes from, or null */
  private static Model of(Checkpoint checkpoint, Path path, ModelOptions options, long start) throws IOException {
    try {
      boolean cached = path != null && options.cache().isPresent() && !options.exact();
      String cacheKey = cached ? Fingerprint.of(path, checkpoint.tensors()) : null;
      if (options.adapter().isEmpty()) {
        return new Model(checkpoint, cacheKey, null, null, options, start);
      }
      try (Adapter adapter = Adapter.open(options.adapter().get())) {
        adapter.validate(checkpoint.config());
        // Of the model too, whose matrices are merged with the updates and whose layout says in which order rows are packed.
        String updateCacheKey = cached
            ? cacheKey + Fingerprint.ofAll(
                adapter.tensors(), options.lowRank() + " " + adapter.loraScale() + " " + adapter.isLoraOptional()) : null;
        return new Model(checkpoint, cacheKey, adapter, updateCacheKey, options, start);
      }
    } catch (IOException | RuntimeException | Error e) {
      checkpoint.close();
      throw e;
    }
  }

  private static void requireVectorModule() {
    if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      throw new IllegalStateException("Depths computes with the Vector API: start the JVM with --add-modules " + VECTOR_MODULE);
    }
  }

  /** A session with the model's own context length. */
  public Session newSession() {
    return newSession(SessionOptions.defaults());
  }

  /**
   * A session: cheap, grows with what it holds. Close it before the model.
   *
   * @throws IllegalArgumentException if the context length is beyond the model's
   */
  public Session newSession(SessionOptions options) {
    requireOpen();
    return new Session(this, options);
  }

  /** A batch of sessions that generate together. Close it before the model. */
  public Batch newBatch(BatchOptions options) {
    requireOpen();
    return new Batch(this, options);
  }

  /** Hyperparameters. */
  public ModelConfig config() {
    return checkpoint.config();
  }

  /** The tokenizer; throws IllegalStateException if the checkpoint has none. */
  public Tokenizer tokenizer() {
    requireOpen();
    return checkpoint.tokenizer().orElseThrow(() -> new IllegalStateException("the model has no tokenizer"));
  }

  /** The chat template, if there is one. */
  public Optional<ChatTemplate> chatTemplate() {
    requireOpen();
    return checkpoint.chatTemplate();
  }

  /** The semantics of the routed blocks, of the checkpoint or the adapter; empty for a dense model. */
  public Optional<ModDescriptor> mod() {
    return mod;
  }

  /** What other thresholds are worth than the descriptor's, for a {@link Dial}; empty if the model was not calibrated. */
  public Optional<Calibration> calibration() {
    return calibration;
  }

  /**
   * The dial of a calibrated model. What is read of the weights is that of the model as it was opened, with its types and low-rank
   * updates, which need not be those of the model that was calibrated.
   */
  public Optional<Dial> dial() {
    return calibration.map(table -> Dial.of(table).withBytesRead(ReadShare.of(weights, mod.orElseThrow().part())::at));
  }

  /** Tells models with their adapters apart: a sum over tensors' names, types and shapes and samples of their elements. */
  public String fingerprint() {
    requireOpen();
    return Fingerprint.of(checkpoint.tensors()) + adapterFingerprint;
  }

  /** How the model was opened. */
  public ModelOptions options() {
    return options;
  }

  /** Time from opening the file to being ready, in nanoseconds. */
  public long loadNanos() {
    return loadNanos;
  }

  /** Bytes of packed weights in memory. */
  public long weightBytes() {
    return weights.bytes();
  }

  /** A line for people: the kernels in use. */
  public String kernelDescription() {
    return kernels.describe();
  }

  /**
   * Waits for the JIT to compile the kernels. Passes in the meantime give the same results, but slowly: a measurement wants
   * to begin after it.
   */
  public void awaitWarmUp() throws InterruptedException {
    warmup.await();
  }

  Warmup warmup() {
    return warmup;
  }

  Weights weights() {
    return weights;
  }

  Kernels kernels() {
    return kernels;
  }

  Workers workers() {
    return workers;
  }

  /** Used and extended by passes, which take turns. */
  RopeTable rope() {
    return rope;
  }

  int lowRankRows() {
    return lowRankRows;
  }

  boolean isClosed() {
    return closed;
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the model is closed");
    }
  }

  /**
   * Waits for a pass under way, stops the workers and frees the weights. Using the model or its sessions afterwards is an
   * IllegalStateException.
   *
   * @throws IllegalStateException if called by a listener during a pass
   */
  @Override
  public void close() {
    if (workers.lock().isHeldByCurrentThread()) {
      throw new IllegalStateException("the model is in use by the thread that closes it");
    }
    workers.lock().lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      warmup.close();
      workers.close();
      arena.close();
      checkpoint.close();
    } finally {
      workers.lock().unlock();
    }
  }
}
