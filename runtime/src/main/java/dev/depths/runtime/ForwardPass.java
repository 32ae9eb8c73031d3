package dev.depths.runtime;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Unit;
import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * Carries rows of tokens, of one or more sequences, through the blocks. A routed block chooses its tokens, gathers them in
 * order into a dense tile, computes on the tile only, and scatters the result back; a block that nobody chose is not
 * touched at all, but for the bypass of those that skip it.
 */
final class ForwardPass {
  private final ModelConfig config;
  private final int width;
  private final Weights weights;
  private final Kernels kernels;
  private final Workers workers;
  private final RopeTable rope;
  private final int lowRankRows;
  private final Part part;
  private final boolean bySequence;
  private final boolean projectedKv;
  private final double positionSlope;
  private final Combine combine;
  /** How the MLP's output joins, where the gate is on that branch alone. */
  private final Combine mlpCombine;
  private final PrepareJob prepare;
  private final ProjectionJob projection;
  private final RouteJob route;
  private final Attention attention;
  private final Mlp mlp;
  private final Bypass bypass;

  private PassRows pass;
  private Tile tile;
  private TileRows all;
  /** Of the routed parts of the current block. */
  private Choice[] choices;
  private float[] x = new float[0];
  /** The residual stream of a tile before its block, where the block's combination still needs it at the end. */
  private float[] before = new float[0];
  private Activations heads;
  private float[] logits;
  private final int logitsStride;
  private final int[] one = new int[1];
  private long weightBytesRead;

  ForwardPass(Model model, Arena arena) {
    this.config = model.config();
    this.width = config.embedding();
    this.weights = model.weights();
    this.kernels = model.kernels();
    this.workers = model.workers();
    this.rope = model.rope();
    this.lowRankRows = model.lowRankRows();
    ModDescriptor mod = model.mod().orElse(null);
    this.part = mod == null ? Part.BLOCK : mod.part();
    this.bySequence = mod != null && mod.unit() == Unit.SEQUENCE;
    this.projectedKv = mod != null && mod.skippedKv() == SkippedKv.PROJECTED && part != Part.MLP;
    this.positionSlope = mod == null ? 0 : mod.router().positionSlope();
    this.combine = mod == null ? Combine.HARD : mod.combine();
    this.mlpCombine = new Combine(Combine.Form.ADD, combine.gate());
    this.prepare = new PrepareJob(kernels, config.rmsEpsilon());
    this.projection = new ProjectionJob(kernels, workers.shares(), arena);
    this.route =
        new RouteJob(kernels, config.rmsEpsilon(), mod != null && mod.router().normed(), workers.shares());
    boolean compacted = mod != null && mod.positions() == Positions.COMPACTED;
    this.attention = new Attention(model, projection, prepare, compacted, arena);
    this.mlp = new Mlp(model, projection, prepare);
    this.bypass = new Bypass(model);
    this.heads = new Activations(1, width, 1);
    this.logitsStride = Tile.panelWidth(config.vocabulary());
    this.logits = new float[logitsStride];
  }

  /** Weight bytes read so far. */
  long weightBytesRead() {
    return weightBytesRead;
  }

  void clearCounters() {
    weightBytesRead = 0;
  }

  /** Computes rows. Either all of it takes effect, or, if it is cancelled or fails, nothing. */
  void run(PassRows rows, BooleanSupplier cancelled) {
    Events.Pass event = Events.pass();
    long before = weightBytesRead;
    pass = rows;
    reserve(rows.count());
    all.setAll(rows);
    embed();
    boolean done = false;
    try {
      for (int b = 0; b < config.blocks(); b++) {
        if (cancelled.getAsBoolean()) {
          throw new CancellationException("cancelled at position " + rows.sequence(0).position());
        }
        block(b);
      }
      settle(x, all.count());
      done = true;
    } finally {
      for (int i = 0; i < rows.size(); i++) {
        if (done) {
          rows.sequence(i).commit(rows.start(i + 1) - rows.start(i));
        } else {
          rows.sequence(i).rollBack();
        }
      }
    }
    if (event != null && event.shouldCommit()) {
      event.of(rows, weightBytesRead - before).commit();
    }
  }

  /** Logits of a row of the last pass; the array is the pass's own. */
  float[] logits(int row) {
    one[0] = row;
    computeLogits(one, 1);
    return logits;
  }

  /** Computes the logits of {@code n} rows of the last pass together. */
  void computeLogits(int[] rows, int n) {
    if (n == 0) {
      return;
    }
    if (n * logitsStride > logits.length) {
      heads = new Activations(n, width, Math.min(n, Kernels.MOST_GEMV_ROWS));
      logits = new float[n * logitsStride];
    }
    for (int i = 0; i < n; i++) {
      System.arraycopy(x, rows[i] * width, tile.gathered, i * width, width);
    }
    workers.run(prepare.of(tile, n, tile.gathered, 0, width).norm(weights.finalNorm()).inputOf(weights.output(), heads), n);
    workers.run(projection.of(weights.output(), heads, tile, n).to(0, logits, logitsStride));
    weightBytesRead += weights.output().bytes();
  }

  /** The {@code i}-th of the logits computed together. */
  void copyLogits(int i, float[] to) {
    System.arraycopy(logits, i * logitsStride, to, 0, to.length);
  }

  private void reserve(int rows) {
    if (tile != null && tile.rows >= rows) {
      return;
    }
    x = new float[rows * width];
    all = new TileRows(rows);
    choices = new Choice[] {new Choice(rows, positionSlope), new Choice(part == Part.EACH_HALF ? rows : 0, positionSlope)};
    if (combine.form() == Combine.Form.ADD_GATED_MLP) {
      before = new float[rows * width];
    }
    // Last: its height says that the rest is there too.
    tile = new Tile(config, rows, lowRankRows);
  }

  private void embed() {
    tile.owed = false;
    int reach = 0;
    for (int i = 0; i < pass.size(); i++) {
      reach = Math.max(reach, pass.position(i, pass.start(i + 1)));
    }
    rope.reach(reach);
    for (int r = 0; r < pass.count(); r++) {
      weights.embedding().dequantize(pass.token(r), x, r * width);
    }
    weightBytesRead += pass.count() * weights.embedding().type().bytes(width);
  }

  private void block(int b) {
    BlockWeights w = weights.blocks().get(b);
    if (!pass.isRouted(b)) {
      attention(b, w, x, all);
      mlp(w, x, all.count());
      return;
    }
    // Routers see the whole residual stream as it enters the block, the MLP's too.
    settle(x, all.count());
    for (int p = 0; p < (part == Part.EACH_HALF ? 2 : 1); p++) {
      choose(b, w, p);
    }
    switch (part) {
      case BLOCK -> {
        passBy(b, w, true, 0);
        if (combine.form().gatesMlp()) {
          gatedMlp(b, w, choices[0]);
        } else {
          routed(b, w, true, true, choices[0], combine);
        }
      }
      case ATTENTION -> {
        passBy(b, w, true, 0);
        routed(b, w, true, false, choices[0], combine);
        mlp(w, x, all.count());
      }
      case MLP -> {
        attention(b, w, x, all);
        settle(x, all.count());
        passBy(b, w, false, 0);
        routed(b, w, false, true, choices[0], combine);
      }
      case EACH_HALF -> {
        passBy(b, w, true, 0);
        routed(b, w, true, false, choices[0], combine);
        settle(x, all.count());
        passBy(b, w, false, 1);
        routed(b, w, false, true, choices[1], combine);
      }
    }
  }

  /** Lets the sequences choose rows for a routed part of a block. */
  private void choose(int b, BlockWeights w, int p) {
    Choice choice = choices[p];
    // A dense model has no routers: there chance alone chooses.
    if (w.routers().length > 0) {
      PartRouter routers = w.routers()[p];
      route.of(routers.router(), pass.isPredicted(b) ? routers.predictor() : null, w.attention().norm(), x, width,
          pass.count(), tile, choice);
      if (bySequence) {
        decide(b, p, choice);
      } else {
        workers.run(route, pass.count());
        weightBytesRead += route.bytes();
      }
    }
    Part named = Routings.part(part, p);
    Events.Route event = Events.route();
    choice.select(b, p, named, pass, w.routers().length > 0);
    if (event != null && event.shouldCommit()) {
      event.of(b, named, pass.count(), choice.rows.count()).commit();
    }
  }

  /** Has sequences decided on that are routed as a whole. */
  private void decide(int b, int p, Choice choice) {
    for (int i = 0; i < pass.size(); i++) {
      BlockRouting routing = pass.sequence(i).routing(b, p);
      if (!routing.isDecided()) {
        routing.decide(route.scoreMean(pass.start(i), pass.start(i + 1)));
        weightBytesRead += route.bytes();
      }
      Arrays.fill(choice.scores, pass.start(i), pass.start(i + 1), routing.score());
    }
  }

  /** What a routed part leaves of tokens that skip it, and what it gives them. Those that run it do so afterwards. */
  private void passBy(int b, BlockWeights w, boolean attend, int p) {
    boolean keysAndValues = attend && projectedKv && !runsTogether(w, choices[p].rows);
    if (keysAndValues) {
      attention.keysAndValues(b, w.attention(), x, tile, pass, all);
      weightBytesRead += w.attention().keyValue().bytes();
    }
    if (w.bypasses().length > 0) {
      weightBytesRead += bypass.run(w.bypasses()[p], x, tile, choices[p], all.count(), keysAndValues);
    }
  }

  /** Computes a part of a block, which is its attention, its MLP or both, for chosen rows. */
  private void routed(int b, BlockWeights w, boolean attend, boolean transform, Choice choice, Combine join) {
    TileRows rows = choice.rows;
    int n = rows.count();
    if (n == 0) {
      return;
    }
    boolean inPlace = n == all.count() && join.isHard();
    float[] h = inPlace ? x : tile.gathered;
    if (!inPlace) {
      gather(rows, h);
    }
    if (attend) {
      attention(b, w, h, rows);
    }
    if (transform) {
      mlp(w, h, n);
    }
    if (!inPlace) {
      settle(h, n);
      Scatter.rows(h, choice, join, x, width);
    }
  }

  /** As {@link #routed} of a whole block whose gate is on the MLP branch alone. */
  private void gatedMlp(int b, BlockWeights w, Choice choice) {
    TileRows rows = choice.rows;
    boolean addInput = combine.form() == Combine.Form.ADD_GATED_MLP;
    if (addInput) {
      gather(rows, before);
    }
    routed(b, w, true, false, choice, Combine.HARD);
    settle(x, all.count());
    routed(b, w, false, true, choice, mlpCombine);
    if (addInput) {
      // In the same order whether the MLP's output was owed or not.
      settle(x, all.count());
      for (int i = 0; i < rows.count(); i++) {
        kernels.add(x, rows.row[i] * width, before, i * width, width);
      }
    }
  }

  private void attention(int b, BlockWeights w, float[] h, TileRows rows) {
    if (runsTogether(w, rows)) {
      attention.run(b, w.attention(), h, tile, pass, rows);
      weightBytesRead += w.attention().bytes();
    } else {
      attention.queries(b, w.attention(), h, tile, pass, rows);
      weightBytesRead += w.attention().bytes() - w.attention().keyValue().bytes();
    }
  }

  /** Whether rows are computed with their keys and values, not after those of all rows of the pass. */
  private boolean runsTogether(BlockWeights w, TileRows rows) {
    return w.attention().keyValue() == null || w.attention().qkv() != null && rows.count() == all.count();
  }

  private void mlp(BlockWeights w, float[] h, int n) {
    weightBytesRead += mlp.run(w.mlp(), h, tile, n);
  }

  /** Adds what is owed to the residual stream. */
  private void settle(float[] h, int n) {
    if (tile.owed) {
      workers.run(prepare.of(tile, n, h, 0, width), n);
    }
  }

  private void gather(TileRows rows, float[] to) {
    for (int i = 0; i < rows.count(); i++) {
      System.arraycopy(x, rows.row[i] * width, to, i * width, width);
    }
  }
}
