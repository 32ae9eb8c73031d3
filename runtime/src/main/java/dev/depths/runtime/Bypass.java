package dev.depths.runtime;

import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PackedMatrix;
import java.util.Arrays;

/**
 * The low-rank bypass of the tokens that skip a routed part, {@code x += B·silu(A·norm(x))} (FlexiDepth, arXiv 2503.23798).
 * Split among workers by rows: the factors are small enough that each thread reads all of them, and so there is one hand-over
 * for all steps, and none for a single row.
 */
final class Bypass implements Workers.Job {
  private final Kernels kernels;
  private final Workers workers;
  private final float epsilon;
  private final int width;
  private float[] ones = new float[0];
  private BypassWeights weights;
  private float[] x;
  private Tile tile;
  private int[] skipped;
  private int count;
  private boolean normed;

  Bypass(Model model) {
    this.kernels = model.kernels();
    this.workers = model.workers();
    this.epsilon = model.config().rmsEpsilon();
    this.width = model.config().embedding();
  }

  /**
   * Adds to the rows of a pass that were not chosen what they are given instead.
   *
   * @param rows how many the pass has
   * @param normed whether the tile holds the norms of all rows already
   * @return bytes of weights read
   */
  long run(BypassWeights weights, float[] x, Tile tile, Choice choice, int rows, boolean normed) {
    this.weights = weights;
    this.x = x;
    this.tile = tile;
    this.normed = normed;
    skipped = choice.skipped;
    count = choice.findSkipped(rows);
    if (count == 0) {
      return 0;
    }
    if (ones.length < weights.rank()) {
      ones = new float[weights.rank()];
      Arrays.fill(ones, 1);
    }
    workers.run(this, count);
    return weights.bytes();
  }

  @Override
  public void run(int share, int shares) {
    int from = Workers.Job.from(count, share, shares);
    int n = Workers.Job.from(count, share + 1, shares) - from;
    if (n == 0) {
      return;
    }
    float[] input = tile.gathered;
    float[] hidden = tile.lowRank;
    int stride = tile.lowRankStride;
    for (int i = from; i < from + n; i++) {
      if (normed) {
        System.arraycopy(tile.normed.f32(), skipped[i] * tile.normed.stride(), input, i * width, width);
      } else {
        kernels.rmsNorm(x, skipped[i] * width, width, weights.norm(), epsilon, input, i * width);
      }
    }
    multiply(weights.a(), input, from * width, width, n, hidden, from * stride, stride);
    for (int i = from; i < from + n; i++) {
      kernels.siluMultiply(hidden, i * stride, ones, 0, weights.rank());
    }
    multiply(weights.b(), hidden, from * stride, stride, n, tile.out, from * tile.outStride, tile.outStride);
    for (int i = from; i < from + n; i++) {
      kernels.add(x, skipped[i] * width, tile.out, i * tile.outStride, width);
    }
  }

  private void multiply(PackedMatrix w, float[] in, int inOffset, int ldx, int rows, float[] out, int outOffset, int ldy) {
    for (int p = 0; p < w.panels(); p++) {
      kernels.panel(
          w.format(), w.data(), w.offset(p), w.columns(), in, inOffset, ldx, rows, out, outOffset + p * 32, ldy, false);
    }
  }
}
