package dev.depths.runtime;

import dev.depths.loader.Adapter;
import dev.depths.loader.Checkpoint;
import dev.depths.loader.DType;
import dev.depths.loader.ExpertMatrix;
import dev.depths.loader.Experts;
import dev.depths.loader.LowRankUpdate;
import dev.depths.loader.MalformedFileException;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.ModelConfig.Rope;
import dev.depths.loader.Tensor;
import dev.depths.runtime.kernel.PackedMatrix;
import dev.depths.runtime.kernel.Packer;
import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntUnaryOperator;

/**
 * Packs a checkpoint, and an adapter if there is one, into {@link Weights}. In exact mode all matrices become f32 panels
 * with low-rank updates merged. Else they keep their types; where these hold it, an update is merged, as {@link LowRank} says,
 * and where they do not its factors stay beside or are left out, so that a 4-bit matrix stays a 4-bit matrix.
 */
final class WeightsBuilder {
  private final Checkpoint checkpoint;
  private final ModelConfig config;
  private final Map<String, Tensor> adapter;
  private final float loraScale;
  private final boolean loraOptional;
  private final boolean exact;
  private final LowRank lowRank;
  private final PackedCache cache;
  private final PackedCache updateCache;
  private final Workers workers;
  private final Arena arena;
  private final Arena scratchArena;
  private final RouterBuilder routers;
  /** Where a matrix is merged, and then the next. */
  private MemorySegment scratch = MemorySegment.NULL;
  private int lowRankRows;

  /**
   * @param cache of the checkpoint's packed matrices, or null
   * @param updateCache of the adapter's and of those that it is merged into, or null
   * @param arena owns the weights
   * @param scratchArena lives while they are built
   */
  WeightsBuilder(Checkpoint checkpoint, Adapter adapter, ModelOptions options, PackedCache cache, PackedCache updateCache,
      Workers workers, Arena arena, Arena scratchArena) {
    this.checkpoint = checkpoint;
    this.config = checkpoint.config();
    this.adapter = adapter == null ? Map.of() : adapter.tensors();
    this.loraScale = adapter == null ? 0 : adapter.loraScale();
    this.loraOptional = adapter != null && adapter.isLoraOptional();
    this.exact = options.exact();
    this.lowRank = options.lowRank();
    this.cache = cache;
    this.updateCache = updateCache;
    this.workers = workers;
    this.arena = arena;
    this.scratchArena = scratchArena;
    this.routers = new RouterBuilder(this::find, config.rmsEpsilon());
  }

  /** @param mod the semantics of routed blocks, or null for a dense model */
  Weights build(ModDescriptor mod) {
    List<BlockWeights> blocks = new ArrayList<>();
    for (int b = 0; b < config.blocks(); b++) {
      blocks.add(block(b, mod));
    }
    Tensor embedding = checkpoint.tensors().get("token_embd.weight");
    String output = config.tiedEmbedding() ? "token_embd" : "output";
    return new Weights(embedding, List.copyOf(blocks), vector("output_norm.weight"), projection("", identity(), output));
  }

  /** Most intermediate values that the low-rank updates of one projection have, or a bypass in whole panels. */
  int lowRankRows() {
    return lowRankRows;
  }

  private BlockWeights block(int b, ModDescriptor mod) {
    String prefix = "blk." + b + ".";
    boolean routed = mod != null && mod.blocks().contains(b);
    AttentionWeights attention =
        attention(prefix, routed && mod.part() != Part.MLP && mod.skippedKv() == SkippedKv.PROJECTED);
    MlpWeights mlp = mlp(prefix, b);
    return new BlockWeights(attention, mlp,
        routed && mod.bypass() == ModDescriptor.Bypass.LOWRANK ? bypasses(prefix, mod.part(), attention.norm(), mlp.norm())
            : new BypassWeights[0],
        routed ? routers.of(prefix, mod) : new PartRouter[0]);
  }

  /** The bypasses of a block's routed parts; each sees the norm that its part begins with. */
  private BypassWeights[] bypasses(String prefix, Part part, float[] attentionNorm, float[] mlpNorm) {
    return switch (part) {
      case BLOCK, ATTENTION -> new BypassWeights[] {bypass(prefix + "mod_bypass_", attentionNorm)};
      case MLP -> new BypassWeights[] {bypass(prefix + "mod_bypass_", mlpNorm)};
      case EACH_HALF -> new BypassWeights[] {
          bypass(prefix + "mod_attn_bypass_", attentionNorm), bypass(prefix + "mod_mlp_bypass_", mlpNorm)};
    };
  }

  private BypassWeights bypass(String name, float[] norm) {
    PackedMatrix a = factor(name + "a.weight");
    PackedMatrix b = factor(name + "b.weight");
    lowRankRows = Math.max(lowRankRows, Tile.panelWidth(b.columns()));
    return new BypassWeights(norm, a, b);
  }

  /** A small matrix of floats, of the checkpoint or the adapter. */
  private PackedMatrix factor(String name) {
    Tensor t = tensor(name);
    PackedCache kept = exact ? null : adapter.containsKey(name) ? updateCache : cache;
    return packed(kept, name, t, List.of(exact ? PanelFormat.F32 : factorFormat(t)), identity());
  }

  /** What small matrices are packed as, which are multiplied panel by panel. */
  private static PanelFormat factorFormat(Tensor t) {
    return t.type() == DType.F16 ? PanelFormat.F16 : PanelFormat.F32;
  }

  private MlpWeights mlp(String prefix, int b) {
    float[] norm = vector(prefix + "ffn_norm.weight");
    Experts experts = config.experts(b).orElse(null);
    if (experts == null) {
      return new MlpWeights.Dense(
          norm, projection(prefix, identity(), "ffn_gate", "ffn_up"), projection(prefix, identity(), "ffn_down"));
    }
    List<MlpWeights.Dense> each = new ArrayList<>();
    for (int e = 0; e < experts.count(); e++) {
      List<float[]> factors = new ArrayList<>();
      each.add(new MlpWeights.Dense(null,
          projection(List.of(expert(ExpertMatrix.GATE, b, e, factors), expert(ExpertMatrix.UP, b, e, factors)), factors),
          projection(List.of(expert(ExpertMatrix.DOWN, b, e, factors)), factors)));
    }
    boolean shared = experts.sharedFeedForward() > 0;
    return new MlpWeights.Experts(norm, vector(prefix + "ffn_gate_inp.weight"), experts.used(), experts.normalised(), each,
        shared ? new MlpWeights.Dense(null, projection(prefix, identity(), "ffn_gate_shexp", "ffn_up_shexp"),
            projection(prefix, identity(), "ffn_down_shexp")) : null,
        shared ? vector(prefix + "ffn_gate_inp_shexp.weight") : null);
  }

  private Linear expert(ExpertMatrix matrix, int block, int expert, List<float[]> factors) {
    Tensor w = matrix.find(checkpoint.tensors(), block, expert);
    return linear(w.name().substring(0, w.name().length() - ".weight".length()), w, identity(), factors);
  }

  /** @param apart whether keys and values may be computed for more tokens than queries */
  private AttentionWeights attention(String prefix, boolean apart) {
    IntUnaryOperator halves = config.rope().layout() == Rope.Layout.INTERLEAVED
        ? interleavedToHalves(config.headDim(), 2 * config.rope().inverseFrequencies().length) : identity();
    List<Linear> query = new ArrayList<>();
    List<Linear> keyValue = apart ? new ArrayList<>() : query;
    List<float[]> queryFactors = new ArrayList<>();
    List<float[]> keyValueFactors = apart ? new ArrayList<>() : queryFactors;
    query.add(linear(prefix + "attn_q", halves, queryFactors));
    keyValue.add(linear(prefix + "attn_k", halves, keyValueFactors));
    keyValue.add(linear(prefix + "attn_v", identity(), keyValueFactors));
    Projection queries = projection(query, queryFactors);
    Projection keysAndValues = apart ? projection(keyValue, keyValueFactors) : null;
    return new AttentionWeights(
        vector(prefix + "attn_norm.weight"),
        apart ? queries.and(keysAndValues) : queries,
        apart ? queries : null,
        keysAndValues,
        config.qkNorm() ? vector(prefix + "attn_q_norm.weight") : null,
        config.qkNorm() ? vector(prefix + "attn_k_norm.weight") : null,
        projection(prefix, identity(), "attn_output"));
  }

  private Projection projection(String prefix, IntUnaryOperator rowOf, String... names) {
    List<Linear> parts = new ArrayList<>();
    List<float[]> factors = new ArrayList<>();
    for (String name : names) {
      parts.add(linear(prefix + name, rowOf, factors));
    }
    return projection(parts, factors);
  }

  private Projection projection(List<Linear> parts, List<float[]> factors) {
    int columns = parts.getFirst().weights().columns();
    int size = 0;
    for (float[] f : factors) {
      size += f.length;
    }
    float[] loraA = size == 0 ? null : new float[size];
    int at = 0;
    for (float[] f : factors) {
      System.arraycopy(f, 0, loraA, at, f.length);
      at += f.length;
    }
    lowRankRows = Math.max(lowRankRows, size / columns);
    return new Projection(parts, loraA, size / columns, loraScale);
  }

  /**
   * @param rowOf the file's row that becomes a given output row
   * @param factors receives the low-rank update's first factor
   */
  private Linear linear(String name, IntUnaryOperator rowOf, List<float[]> factors) {
    return linear(name, tensor(name + ".weight"), rowOf, factors);
  }

  private Linear linear(String name, Tensor w, IntUnaryOperator rowOf, List<float[]> factors) {
    int rows = Math.toIntExact(w.rows());
    boolean plain = lowRank.leavesOut(w.type(), loraOptional);
    Tensor a = plain ? null : adapter.get(name + ".lora_a");
    Tensor b = plain ? null : adapter.get(name + ".lora_b");
    float[] bias = null;
    if (config.qkvBias() && find(name + ".bias") instanceof Tensor t) {
      float[] source = t.toFloats();
      bias = new float[Tile.panelWidth(rows)];
      for (int i = 0; i < rows; i++) {
        bias[i] = source[rowOf.applyAsInt(i)];
      }
    }
    if (exact) {
      PackedMatrix packed = Packer.allocate(PanelFormat.F32, rows, w.columns(), arena);
      Packer.RowSource source = a == null ? (row, out) -> w.dequantize(rowOf.applyAsInt(row), out, 0)
          : new MergedRows(w, rowOf, LowRankUpdate.of(a, b, loraScale));
      inParallel(name, packed.panels(), (from, to) -> Packer.packF32(source, packed, from, to));
      return new Linear(packed, bias, null, 0);
    }
    if (a != null && lowRank.merges(w.type())) {
      return new Linear(merged(name, w, a, b, rowOf), bias, null, 0);
    }
    PackedMatrix packed = packed(cache, name, w, Packer.formatsOf(w), rowOf);
    if (a == null) {
      return new Linear(packed, bias, null, 0);
    }
    int loraRow = 0;
    for (float[] f : factors) {
      loraRow += f.length / w.columns();
    }
    factors.add(a.toFloats());
    return new Linear(packed, bias, packed(updateCache, b.name(), b, List.of(factorFormat(b)), rowOf), loraRow);
  }

  /** A matrix packed with its update merged, from the cache if it has it. The sum is in memory as a file would have it. */
  private PackedMatrix merged(String name, Tensor w, Tensor a, Tensor b, IntUnaryOperator rowOf) {
    PackedMatrix cached = cached(updateCache, name, w, Packer.formatsOf(w));
    if (cached != null) {
      return cached;
    }
    LowRankUpdate update = LowRankUpdate.of(a, b, loraScale);
    long bytes = w.data().byteSize();
    if (scratch.byteSize() < bytes) {
      scratch = scratchArena.allocate(bytes, Long.BYTES);
    }
    Tensor sum = new Tensor(w.name(), w.type(), w.shape(), scratch.asSlice(0, bytes));
    inParallel(name, Math.toIntExact(w.rows()), (from, to) -> update.merge(w, from, to, sum.data()));
    return pack(updateCache, name, sum, Packer.formatsOf(sum), rowOf);
  }

  /** A packed matrix, from the cache if it has it. */
  private PackedMatrix packed(PackedCache cache, String name, Tensor w, List<PanelFormat> formats, IntUnaryOperator rowOf) {
    PackedMatrix cached = cached(cache, name, w, formats);
    return cached != null ? cached : pack(cache, name, w, formats, rowOf);
  }

  private static PackedMatrix cached(PackedCache cache, String name, Tensor w, List<PanelFormat> formats) {
    return cache == null ? null : cache.find(name, formats, Math.toIntExact(w.rows()), w.columns());
  }

  /** Packs a matrix in the first of these formats that holds it; the last one does. */
  private PackedMatrix pack(PackedCache cache, String name, Tensor w, List<PanelFormat> formats, IntUnaryOperator rowOf) {
    int rows = Math.toIntExact(w.rows());
    for (PanelFormat format : formats) {
      PackedMatrix packed = Packer.allocate(format, rows, w.columns(), arena);
      AtomicBoolean held = new AtomicBoolean(true);
      inParallel(name, packed.panels(), (from, to) -> {
        if (!Packer.pack(w, rowOf, packed, from, to)) {
          held.set(false);
        }
      });
      if (held.get()) {
        if (cache != null) {
          cache.add(name, packed);
        }
        return packed;
      }
    }
    throw new IllegalStateException(name + " is not held by its own type's format");
  }

  /** Rows of W + scale · B·A. */
  private record MergedRows(Tensor w, IntUnaryOperator rowOf, LowRankUpdate update) implements Packer.RowSource {
    @Override
    public void read(int row, float[] out) {
      int from = rowOf.applyAsInt(row);
      w.dequantize(from, out, 0);
      update.addTo(from, out);
    }
  }

  @FunctionalInterface
  private interface Range {
    void run(int from, int to);
  }

  private void inParallel(String name, int n, Range range) {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    workers.run((share, shares) -> {
      try {
        range.run(Workers.Job.from(n, share, shares), Workers.Job.from(n, share + 1, shares));
      } catch (ArithmeticException | InternalError | MalformedFileException e) {
        failure.set(e);
      }
    });
    if (failure.get() instanceof MalformedFileException e) {
      throw e;
    }
    if (failure.get() instanceof ArithmeticException e) {
      throw new MalformedFileException("model file", name, e.getMessage(), e);
    }
    if (failure.get() instanceof InternalError e) {
      // What the JVM makes of reading a mapped page that is gone.
      throw new MalformedFileException("model file", name, "its bytes cannot be read; was the file truncated meanwhile?", e);
    }
  }

  private Tensor tensor(String name) {
    Tensor t = find(name);
    if (t == null) {
      throw new IllegalStateException("the checkpoint has no tensor " + name);
    }
    return t;
  }

  private Tensor find(String name) {
    Tensor t = adapter.get(name);
    return t != null ? t : checkpoint.tensors().get(name);
  }

  private float[] vector(String name) {
    return tensor(name).toFloats();
  }

  private static IntUnaryOperator identity() {
    return i -> i;
  }

  /** Output rows in halves order from a file in interleaved order: (0, 1), (2, 3), ... become (0, n/2), (1, n/2 + 1), ... */
  private static IntUnaryOperator interleavedToHalves(int headDim, int rotated) {
    int[] within = new int[headDim];
    Arrays.setAll(within, i -> i >= rotated ? i : i < rotated / 2 ? 2 * i : 2 * (i - rotated / 2) + 1);
    return row -> row - row % headDim + within[row % headDim];
  }
}
