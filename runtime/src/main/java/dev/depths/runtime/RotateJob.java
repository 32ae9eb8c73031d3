package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Kernels;

/**
 * Turns the queries and keys of a tile by their original positions, after the per-head norm if the model has one, and puts
 * keys and values into the block's cache. Split among workers by rows.
 */
final class RotateJob implements Workers.Job {
  private final Kernels kernels;
  private final ModelConfig config;
  private final int pairs;
  private Tile tile;
  private int rows;
  private BlockWeights block;
  private KvCache.BlockKv kv;
  private int[] rowOf;
  private float[] cos;
  private float[] sin;

  RotateJob(Kernels kernels, ModelConfig config) {
    this.kernels = kernels;
    this.config = config;
    this.pairs = config.rope().inverseFrequencies().length;
  }

  /**
   * @param rowOf for each row of the tile its row of the pass, which is its row in the tables
   * @param cos cosines [rows of the pass][pairs]
   */
  RotateJob of(Tile tile, int rows, BlockWeights block, KvCache.BlockKv kv, int[] rowOf, float[] cos, float[] sin) {
    this.tile = tile;
    this.rows = rows;
    this.block = block;
    this.kv = kv;
    this.rowOf = rowOf;
    this.cos = cos;
    this.sin = sin;
    return this;
  }

  @Override
  public void run(int share, int shares) {
    int to = Workers.Job.from(rows, share + 1, shares);
    int first = kv.count() - rows;
    for (int r = Workers.Job.from(rows, share, shares); r < to; r++) {
      heads(tile.q, r * tile.qStride, config.heads(), block.queryNorm(), rowOf[r]);
      heads(tile.k, r * tile.kvStride, config.kvHeads(), block.keyNorm(), rowOf[r]);
      kv.put(first + r, tile.k, r * tile.kvStride, tile.v, r * tile.kvStride);
    }
  }

  private void heads(float[] x, int offset, int heads, float[] norm, int tableRow) {
    int headDim = config.headDim();
    for (int h = 0; h < heads; h++) {
      int o = offset + h * headDim;
      if (norm != null) {
        kernels.rmsNorm(x, o, headDim, norm, config.rmsEpsilon(), x, o);
      }
      kernels.rotate(x, o, cos, sin, tableRow * pairs, pairs);
    }
  }
}
