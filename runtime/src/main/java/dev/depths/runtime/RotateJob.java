package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Kernels;

/**
 * Turns the queries and keys of a tile by their positions, after the per-head norm if the model has one, and puts keys and
 * values into the caches of their sequences. Split among workers by rows.
 */
final class RotateJob implements Workers.Job {
  private final Kernels kernels;
  private final ModelConfig config;
  private final RopeTable rope;
  private Tile tile;
  private int block;
  private AttentionWeights weights;
  private PassRows pass;
  private TileRows rows;
  private boolean queries;
  private boolean keys;

  RotateJob(Kernels kernels, ModelConfig config, RopeTable rope) {
    this.kernels = kernels;
    this.config = config;
    this.rope = rope;
  }

  /**
   * @param tile its {@link Tile#ropePosition} and {@link Tile#slot} say by what rows are turned and where they are put
   * @param queries whether there are queries
   * @param keys whether there are keys and values
   */
  RotateJob of(int block, AttentionWeights weights, Tile tile, PassRows pass, TileRows rows, boolean queries,
      boolean keys) {
    this.block = block;
    this.weights = weights;
    this.tile = tile;
    this.pass = pass;
    this.rows = rows;
    this.queries = queries;
    this.keys = keys;
    return this;
  }

  @Override
  public void run(int share, int shares) {
    int n = rows.count();
    int to = Workers.Job.from(n, share + 1, shares);
    for (int r = Workers.Job.from(n, share, shares); r < to; r++) {
      if (queries) {
        heads(tile.q, r * tile.qStride, config.heads(), weights.queryNorm(), tile.ropePosition[r]);
      }
      if (keys) {
        heads(tile.k, r * tile.kvStride, config.kvHeads(), weights.keyNorm(), tile.ropePosition[r]);
        KvCache.BlockKv kv = pass.sequence(rows.sequence[r]).kv(block);
        kv.put(tile.slot[r], tile.k, r * tile.kvStride, tile.v, r * tile.kvStride);
      }
    }
  }

  private void heads(float[] x, int offset, int heads, float[] norm, int position) {
    int headDim = config.headDim();
    for (int h = 0; h < heads; h++) {
      int o = offset + h * headDim;
      if (norm != null) {
        kernels.rmsNorm(x, o, headDim, norm, config.rmsEpsilon(), x, o);
      }
      kernels.rotate(x, o, rope.cos(), rope.sin(), position * rope.pairs(), rope.pairs());
    }
  }
}
