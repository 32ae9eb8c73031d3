package dev.depths.runtime;

import dev.depths.runtime.kernel.Kernels;

/** Scores of all rows of a pass for a routed part of a block, split among workers by rows. */
final class RouteJob implements Workers.Job {
  private final Kernels kernels;
  private final float epsilon;
  private final boolean normed;
  private final float[][] scratch;
  private Router router;
  private Router predictor;
  private float[] norm;
  private float[] x;
  private int width;
  private int rows;
  private Tile tile;
  private Choice choice;

  /** @param normed whether routers see the input of a block's attention instead of the residual stream */
  RouteJob(Kernels kernels, float epsilon, boolean normed, int shares) {
    this.kernels = kernels;
    this.epsilon = epsilon;
    this.normed = normed;
    this.scratch = new float[shares][0];
  }

  /**
   * @param predictor gives scores of its own too; or null
   * @param norm the attention's
   * @param choice receives the scores
   */
  RouteJob of(Router router, Router predictor, float[] norm, float[] x, int width, int rows, Tile tile, Choice choice) {
    this.router = router;
    this.predictor = predictor;
    this.norm = norm;
    this.x = x;
    this.width = width;
    this.rows = rows;
    this.tile = tile;
    this.choice = choice;
    return this;
  }

  /** Bytes that it reads. */
  long bytes() {
    return router.bytes() + (predictor == null ? 0 : predictor.bytes());
  }

  @Override
  public void run(int share, int shares) {
    int hidden = Math.max(router.hidden(), predictor == null ? 0 : predictor.hidden());
    if (scratch[share].length < hidden) {
      scratch[share] = new float[hidden];
    }
    int to = Workers.Job.from(rows, share + 1, shares);
    for (int r = Workers.Job.from(rows, share, shares); r < to; r++) {
      float[] input = x;
      int offset = r * width;
      if (normed) {
        input = tile.normed.f32();
        offset = r * tile.normed.stride();
        kernels.rmsNorm(x, r * width, width, norm, epsilon, input, offset);
      }
      choice.scores[r] = router.score(kernels, input, offset, scratch[share]);
      if (predictor != null) {
        choice.predicted[r] = predictor.score(kernels, input, offset, scratch[share]);
      }
    }
  }

  /** The score of the mean of rows {@code from} to {@code to}. */
  float scoreMean(int from, int to) {
    double[] sum = new double[width];
    float[] row = new float[width];
    for (int r = from; r < to; r++) {
      System.arraycopy(x, r * width, row, 0, width);
      if (normed) {
        kernels.rmsNorm(x, r * width, width, norm, epsilon, row, 0);
      }
      for (int i = 0; i < width; i++) {
        sum[i] += row[i];
      }
    }
    for (int i = 0; i < width; i++) {
      row[i] = (float) (sum[i] / (to - from));
    }
    return router.score(kernels, row, 0, new float[router.hidden()]);
  }
}
