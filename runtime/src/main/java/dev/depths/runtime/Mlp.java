package dev.depths.runtime;

/** A block's MLP half (SwiGLU, arXiv 2002.05202) on a tile: its product is owed to the residual stream afterwards. */
final class Mlp {
  private final int width;
  private final Workers workers;
  private final ProjectionJob projection;
  private final PrepareJob prepare;
  private final MixtureOfExperts experts;

  Mlp(Model model, ProjectionJob projection, PrepareJob prepare) {
    this.width = model.config().embedding();
    this.workers = model.workers();
    this.projection = projection;
    this.prepare = prepare;
    this.experts = model.config().experts().isEmpty() ? null : new MixtureOfExperts(model, projection, prepare);
  }

  /**
   * Runs the first {@code n} rows of a tile.
   *
   * @return bytes of weights read
   */
  long run(MlpWeights weights, float[] h, Tile tile, int n) {
    if (weights instanceof MlpWeights.Experts w) {
      return experts.run(w, h, tile, n);
    }
    MlpWeights.Dense w = (MlpWeights.Dense) weights;
    workers.run(prepare.of(tile, n, h, 0, width).norm(w.norm()).inputOf(w.gateUp(), tile.normed), n);
    workers.run(projection.of(w.gateUp(), tile.normed, tile, n).toSwiGlu(tile.hidden, tile.up, w.down()));
    workers.run(prepare.of(tile, n, h, 0, width).swiGluOf(w.down(), tile.hidden), n);
    workers.run(projection.of(w.down(), tile.hidden, tile, n).to(0, tile.out, tile.outStride));
    tile.owed = true;
    return w.bytes();
  }
}
