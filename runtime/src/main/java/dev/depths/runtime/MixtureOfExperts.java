package dev.depths.runtime;

import dev.depths.loader.Experts;
import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;
import java.util.Arrays;

/**
 * The MLP half of a block of experts on a tile. A router chooses experts for each row; the rows of an expert are gathered
 * into a tile of its own, computed, and added to the output times their weights. An expert that no row chose is not read.
 * {@link Experts} says what is computed. A row's sum is in the order of the experts, whatever other rows there are.
 */
final class MixtureOfExperts implements Workers.Job {
  private final ModelConfig config;
  private final int width;
  private final Kernels kernels;
  private final Workers workers;
  private final ProjectionJob projection;
  private final PrepareJob prepare;
  private final Experts shape;

  private MlpWeights.Experts weights;
  private Tile tile;
  private int rows;
  /** For each row the experts chosen, best first, and their weights. */
  private int[] chosen = new int[0];
  private float[] gates = new float[0];
  /** Scores of all experts; by row. */
  private float[] scores = new float[0];
  /** For each expert where its rows begin in {@link #rowOf}; then those rows, and their weights. */
  private int[] starts = new int[0];
  private int[] rowOf = new int[0];
  private float[] gateOf = new float[0];
  private Scratch expertScratch;
  private Scratch sharedScratch;
  private float[] out = new float[0];

  /** Input and hidden layer of the rows of an expert. */
  private record Scratch(Activations input, Activations hidden, float[] up) {
    Scratch(int rows, int width, int feedForward) {
      this(activations(rows, width), activations(rows, feedForward));
    }

    private Scratch(Activations input, Activations hidden) {
      this(input, hidden, new float[hidden.quantizedRows() * hidden.stride()]);
    }

    private static Activations activations(int rows, int columns) {
      return new Activations(rows, columns, Math.min(rows, Kernels.MOST_GEMV_ROWS));
    }
  }

  MixtureOfExperts(Model model, ProjectionJob projection, PrepareJob prepare) {
    this.config = model.config();
    this.width = config.embedding();
    this.kernels = model.kernels();
    this.workers = model.workers();
    this.projection = projection;
    this.prepare = prepare;
    this.shape = config.experts().orElseThrow();
  }

  /** @return bytes of weights read */
  long run(MlpWeights.Experts w, float[] h, Tile tile, int n) {
    this.weights = w;
    this.tile = tile;
    this.rows = n;
    reserve(w.routes());
    workers.run(prepare.of(tile, n, h, 0, width).norm(w.norm()).normed(tile.normed), n);
    workers.run(this, n);
    sort(w.routes());
    for (int r = 0; r < n; r++) {
      Arrays.fill(tile.out, r * tile.outStride, r * tile.outStride + width, 0);
    }
    long bytes = w.fixedBytes();
    for (int e = 0; e < w.experts().size(); e++) {
      int from = starts[e];
      int count = starts[e + 1] - from;
      if (count > 0) {
        expert(w.experts().get(e), expertScratch, from, count);
        bytes += w.experts().get(e).bytes();
      }
    }
    if (w.shared() != null) {
      for (int r = 0; r < n; r++) {
        rowOf[r] = r;
        gateOf[r] = (float) Router.sigmoid(
            kernels.dot(tile.normed.f32(), r * tile.normed.stride(), w.sharedGate(), 0, width));
      }
      expert(w.shared(), sharedScratch, 0, n);
    }
    tile.owed = true;
    return bytes;
  }

  private void reserve(int routes) {
    int capacity = tile.rows;
    if (starts.length < routes + 1) {
      starts = new int[routes + 1];
    }
    if (scores.length < capacity * routes) {
      scores = new float[capacity * routes];
    }
    if (chosen.length < capacity * shape.used()) {
      chosen = new int[capacity * shape.used()];
      gates = new float[capacity * shape.used()];
      rowOf = new int[capacity * shape.used()];
      gateOf = new float[capacity * shape.used()];
      out = new float[capacity * tile.outStride];
      expertScratch = new Scratch(capacity, width, shape.feedForward());
      sharedScratch =
          shape.sharedFeedForward() == 0 ? null : new Scratch(capacity, width, shape.sharedFeedForward());
    }
  }

  /** Chooses the experts of a share of the rows. */
  @Override
  public void run(int share, int shares) {
    int to = Workers.Job.from(rows, share + 1, shares);
    for (int r = Workers.Job.from(rows, share, shares); r < to; r++) {
      choose(r);
    }
  }

  /** The largest of a softmax over all scores; of equal ones the first. */
  private void choose(int row) {
    int routes = weights.routes();
    int from = row * routes;
    float most = Float.NEGATIVE_INFINITY;
    for (int e = 0; e < routes; e++) {
      scores[from + e] = kernels.dot(tile.normed.f32(), row * tile.normed.stride(), weights.router(), e * width, width);
      most = Math.max(most, scores[from + e]);
    }
    double sum = 0;
    for (int e = 0; e < routes; e++) {
      sum += Math.exp(scores[from + e] - most);
    }
    int used = weights.used();
    double kept = 0;
    for (int i = 0; i < used; i++) {
      int best = -1;
      for (int e = 0; e < routes; e++) {
        if (!Float.isNaN(scores[from + e]) && (best < 0 || scores[from + e] > scores[from + best])) {
          best = e;
        }
      }
      // Nothing but NaN: any choice passes it on.
      best = Math.max(best, 0);
      double weight = Math.exp(scores[from + best] - most) / sum;
      scores[from + best] = Float.NaN;
      chosen[row * used + i] = best;
      gates[row * used + i] = (float) weight;
      kept += weight;
    }
    for (int i = 0; weights.normalised() && i < used; i++) {
      gates[row * used + i] /= (float) kept;
    }
  }

  /** Sorts the choices by expert, the rows of each ascending. */
  private void sort(int routes) {
    int used = weights.used();
    Arrays.fill(starts, 0, routes + 1, 0);
    for (int i = 0; i < rows * used; i++) {
      starts[chosen[i] + 1]++;
    }
    for (int e = 0; e < routes; e++) {
      starts[e + 1] += starts[e];
    }
    for (int i = 0; i < rows * used; i++) {
      int at = starts[chosen[i]]++;
      rowOf[at] = i / used;
      gateOf[at] = gates[i];
    }
    // Each begins where the one before it ends.
    System.arraycopy(starts, 0, starts, 1, routes);
    starts[0] = 0;
  }

  /** Adds what an expert makes of {@code n} of its rows to the tile's output. */
  private void expert(MlpWeights.Dense w, Scratch scratch, int from, int n) {
    float[] input = scratch.input.f32();
    for (int i = 0; i < n; i++) {
      System.arraycopy(
          tile.normed.f32(), rowOf[from + i] * tile.normed.stride(), input, i * scratch.input.stride(), width);
    }
    workers.run(prepare.of(tile, n, null, 0, width).inputOf(w.gateUp(), scratch.input), n);
    workers.run(projection.of(w.gateUp(), scratch.input, tile, n).toSwiGlu(scratch.hidden, scratch.up, w.down()));
    workers.run(prepare.of(tile, n, null, 0, width).swiGluOf(w.down(), scratch.hidden), n);
    workers.run(projection.of(w.down(), scratch.hidden, tile, n).to(0, out, tile.outStride));
    for (int i = 0; i < n; i++) {
      int to = rowOf[from + i] * tile.outStride;
      for (int j = 0; j < width; j++) {
        tile.out[to + j] = Math.fma(gateOf[from + i], out[i * tile.outStride + j], tile.out[to + j]);
      }
    }
  }
}
