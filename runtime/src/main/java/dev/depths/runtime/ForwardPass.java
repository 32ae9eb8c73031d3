package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;
import java.lang.foreign.Arena;
import java.util.concurrent.CancellationException;

/**
 * Carries tokens through the blocks. A routed block chooses its tokens, gathers them in order into a dense tile, computes on
 * the tile only, and scatters the result back; a block that nobody chose is not touched at all.
 */
final class ForwardPass {
  private final ModelConfig config;
  private final Weights weights;
  private final Kernels kernels;
  private final Workers workers;
  private final KvCache kv;
  private final BlockRouting[] routing;
  private final int lowRankRows;
  private final ProjectionJob projection;
  private final AttentionJob attention;
  private final DecodeAttention decodeAttention;
  private final RotateJob rotate;
  private final PrepareJob prepare;

  private Tile tile;
  private float[] x = new float[0];
  private float[] cos;
  private float[] sin;
  private float[] scores;
  private int[] chosen;
  private int[] identity;
  private int[] positions;
  private int[] chosenPositions;
  private final int[] chosenCounts;
  private final boolean[] ranLast;
  private final Activations head;
  private final float[] logits;
  private long weightBytesRead;
  private long blocksRun;

  /** @param routing one per block; null for a block that every token runs */
  ForwardPass(Model model, KvCache kv, BlockRouting[] routing, Arena arena) {
    this.config = model.config();
    this.weights = model.weights();
    this.kernels = model.kernels();
    this.workers = model.workers();
    this.kv = kv;
    this.routing = routing;
    this.lowRankRows = model.lowRankRows();
    this.projection = new ProjectionJob(kernels, workers.shares(), arena);
    this.attention = new AttentionJob(kernels, config, workers.shares(), arena);
    this.decodeAttention = new DecodeAttention(kernels, config, workers);
    this.rotate = new RotateJob(kernels, config);
    this.prepare = new PrepareJob(kernels, config.rmsEpsilon());
    this.chosenCounts = new int[config.blocks()];
    this.ranLast = new boolean[config.blocks()];
    this.head = new Activations(1, config.embedding(), 1);
    this.logits = new float[Tile.panelWidth(config.vocabulary())];
  }

  /** Weight bytes read so far. */
  long weightBytesRead() {
    return weightBytesRead;
  }

  /** (token, block) pairs computed so far. */
  long blocksRun() {
    return blocksRun;
  }

  void clearCounters() {
    weightBytesRead = 0;
    blocksRun = 0;
  }

  /** Whether a block computed the last row of the last pass. */
  boolean ranLast(int block) {
    return ranLast[block];
  }

  /**
   * Computes a chunk of tokens. Either all of it takes effect, or, if it is cancelled or fails, nothing.
   *
   * @param tokens holds the chunk at {@code from}
   * @param position of the first token
   */
  void run(int[] tokens, int from, int rows, int position, Session session) {
    reserve(rows);
    embed(tokens, from, rows, position);
    int b = 0;
    boolean done = false;
    try {
      for (; b < config.blocks(); b++) {
        if (session.cancelled()) {
          throw new CancellationException("cancelled at position " + position);
        }
        chosenCounts[b] = 0;
        chosenCounts[b] = block(b, rows, position);
      }
      done = true;
    } finally {
      if (!done) {
        for (int i = 0; i <= b && i < config.blocks(); i++) {
          kv.block(i).truncateAt(position);
        }
      }
    }
    for (b = 0; b < config.blocks(); b++) {
      blocksRun += chosenCounts[b];
      if (routing[b] != null) {
        routing[b].count(rows, chosenCounts[b]);
      }
    }
  }

  /** Logits of a row of the last pass; the array is the pass's own. */
  float[] logits(int row) {
    prepare.of(tile, 1, x, row * config.embedding(), config.embedding(), false).norm(weights.finalNorm())
        .inputOf(weights.output(), head).run(0, 1);
    workers.run(projection.of(weights.output(), head, tile, 1).to(0, logits, logits.length));
    weightBytesRead += weights.output().bytes();
    return logits;
  }

  private void reserve(int rows) {
    if (tile != null && tile.rows >= rows) {
      return;
    }
    x = new float[rows * config.embedding()];
    int pairs = config.rope().inverseFrequencies().length;
    cos = new float[rows * pairs];
    sin = new float[rows * pairs];
    scores = new float[rows];
    chosen = new int[rows];
    positions = new int[rows];
    chosenPositions = new int[rows];
    identity = new int[rows];
    for (int i = 0; i < rows; i++) {
      identity[i] = i;
    }
    // Last: its height says that the rest is there too.
    tile = new Tile(config, rows, lowRankRows);
  }

  private void embed(int[] tokens, int from, int rows, int position) {
    float[] frequencies = config.rope().inverseFrequencies();
    float magnitude = config.rope().magnitude();
    for (int r = 0; r < rows; r++) {
      weights.embedding().dequantize(tokens[from + r], x, r * config.embedding());
      positions[r] = position + r;
      for (int i = 0; i < frequencies.length; i++) {
        double angle = (position + r) * frequencies[i];
        cos[r * frequencies.length + i] = (float) Math.cos(angle) * magnitude;
        sin[r * frequencies.length + i] = (float) Math.sin(angle) * magnitude;
      }
    }
    weightBytesRead += rows * weights.embedding().type().bytes(config.embedding());
  }

  /** Runs one block for the tokens that it chooses; returns how many. */
  private int block(int b, int rows, int position) {
    BlockWeights w = weights.blocks().get(b);
    if (routing[b] == null) {
      compute(b, w, x, rows, identity, positions);
      ranLast[b] = true;
      return rows;
    }
    Router router = w.router();
    int d = config.embedding();
    if (router != null) {
      for (int r = 0; r < rows; r++) {
        scores[r] = router.score(kernels, x, r * d);
      }
      weightBytesRead += router.bytes();
    }
    int n = routing[b].select(scores, rows, position, chosen);
    ranLast[b] = n > 0 && chosen[n - 1] == rows - 1;
    if (n == 0) {
      return 0;
    }
    boolean hardGate = router == null || router.hardGate();
    if (n == rows && hardGate) {
      compute(b, w, x, rows, identity, positions);
      return rows;
    }
    float[] gathered = tile.gathered;
    for (int i = 0; i < n; i++) {
      System.arraycopy(x, chosen[i] * d, gathered, i * d, d);
      chosenPositions[i] = position + chosen[i];
    }
    compute(b, w, gathered, n, chosen, chosenPositions);
    for (int i = 0; i < n; i++) {
      if (hardGate) {
        System.arraycopy(gathered, i * d, x, chosen[i] * d, d);
      } else {
        scatterGated(gathered, i * d, x, chosen[i] * d, d, router.gate(scores[chosen[i]]));
      }
    }
    return n;
  }

  /** {@code x += gate · (y - x)}, y being x + f. */
  private static void scatterGated(float[] y, int yOffset, float[] x, int xOffset, int n, float gate) {
    for (int i = 0; i < n; i++) {
      x[xOffset + i] = Math.fma(gate, y[yOffset + i] - x[xOffset + i], x[xOffset + i]);
    }
  }

  /** One transformer block on all rows of a tile, in place. */
  private void compute(int b, BlockWeights w, float[] h, int n, int[] rowOf, int[] at) {
    int d = config.embedding();
    KvCache.BlockKv cache = kv.block(b);
    cache.append(at, n);

    rows(prepare.of(tile, n, h, 0, d, false).norm(w.attentionNorm()).inputOf(w.qkv(), tile.normed), n);
    workers.run(projection.of(w.qkv(), tile.normed, tile, n).to(0, tile.q, tile.qStride).to(1, tile.k, tile.kvStride)
        .to(2, tile.v, tile.kvStride));
    rows(rotate.of(tile, n, w, cache, rowOf, cos, sin), n);
    if (n == 1 && cache.count() >= DecodeAttention.MIN_POSITIONS && workers.size() > 1) {
      decodeAttention.run(cache, tile);
    } else {
      workers.run(attention.of(cache, tile, n));
    }
    rows(prepare.of(tile, n, h, 0, d, false).inputOf(w.output(), tile.attended), n);
    workers.run(projection.of(w.output(), tile.attended, tile, n).to(0, tile.out, tile.outStride));

    rows(prepare.of(tile, n, h, 0, d, true).norm(w.mlpNorm()).inputOf(w.gateUp(), tile.normed), n);
    workers.run(projection.of(w.gateUp(), tile.normed, tile, n).toSwiGlu(tile.hidden, tile.up));
    rows(prepare.of(tile, n, h, 0, d, false).inputOf(w.down(), tile.hidden), n);
    workers.run(projection.of(w.down(), tile.hidden, tile, n).to(0, tile.out, tile.outStride));
    rows(prepare.of(tile, n, h, 0, d, true), n);
    weightBytesRead += w.bytes();
  }

  /** A job split by rows: for one row the calling thread does it, without a hand-over. */
  private void rows(Workers.Job job, int n) {
    if (n == 1) {
      job.run(0, 1);
    } else {
      workers.run(job);
    }
  }
}
