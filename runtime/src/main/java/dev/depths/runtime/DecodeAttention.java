package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Kernels;

/**
 * Attention of a single token over a long cache, in three steps that each split evenly: scores by pages, softmax by query
 * heads, weighted sums by key/value heads and 32 of their dimensions. With few key/value heads a split by heads alone, as in
 * {@link AttentionJob}, would leave workers idle. The arithmetic and its order are the same, so the result is too.
 */
final class DecodeAttention {
  /** Positions from which three hand-overs cost less than an uneven split. */
  static final int MIN_POSITIONS = 256;

  private final Kernels kernels;
  private final Workers workers;
  private final int heads;
  private final int kvHeads;
  private final int group;
  private final int headDim;
  private final float[][] sums;
  private final Workers.Job score = this::score;
  private final Workers.Job softmax = this::softmax;
  private final Workers.Job sum = this::sum;
  private float[] scores = new float[0];
  private KvCache.BlockKv kv;
  private Tile tile;
  private int held;
  private int stride;

  DecodeAttention(Kernels kernels, ModelConfig c, Workers workers) {
    this.kernels = kernels;
    this.workers = workers;
    this.heads = c.heads();
    this.kvHeads = c.kvHeads();
    this.group = heads / kvHeads;
    this.headDim = c.headDim();
    this.sums = new float[workers.shares()][group * KvCache.PAGE];
  }

  /** Attends from the one row of a tile. */
  void run(KvCache.BlockKv kv, Tile tile) {
    this.kv = kv;
    this.tile = tile;
    held = kv.count();
    stride = Math.ceilDiv(held, KvCache.PAGE) * KvCache.PAGE;
    if (scores.length < heads * stride) {
      scores = new float[2 * heads * stride];
    }
    workers.run(score);
    workers.run(softmax);
    workers.run(sum);
  }

  private void score(int share, int shares) {
    int pages = stride / KvCache.PAGE;
    int to = Workers.Job.from(pages, share + 1, shares);
    for (int p = Workers.Job.from(pages, share, shares); p < to; p++) {
      for (int h = 0; h < kvHeads; h++) {
        kv.panel(kernels, p, kv.keyOffset(p, h), headDim, tile.q, h * group * headDim, headDim, group, scores,
            h * group * stride + p * KvCache.PAGE, stride, false);
      }
    }
  }

  private void softmax(int share, int shares) {
    float scale = (float) (1 / Math.sqrt(headDim));
    int to = Workers.Job.from(heads, share + 1, shares);
    for (int h = Workers.Job.from(heads, share, shares); h < to; h++) {
      kernels.softmax(scores, h * stride, held, scale);
    }
  }

  private void sum(int share, int shares) {
    int chunks = Math.ceilDiv(headDim, KvCache.PAGE);
    float[] sum = sums[share];
    int to = Workers.Job.from(kvHeads * chunks, share + 1, shares);
    for (int i = Workers.Job.from(kvHeads * chunks, share, shares); i < to; i++) {
      int h = i / chunks;
      int chunk = i % chunks;
      for (int p = 0; p * KvCache.PAGE < held; p++) {
        int k = Math.min(KvCache.PAGE, held - p * KvCache.PAGE);
        kv.panel(kernels, p, kv.valueOffset(p, h, chunk), k, scores, h * group * stride + p * KvCache.PAGE, stride, group, sum,
            0, KvCache.PAGE, p > 0);
      }
      int from = chunk * KvCache.PAGE;
      for (int g = 0; g < group; g++) {
        System.arraycopy(sum, g * KvCache.PAGE, tile.attended.f32(), (h * group + g) * headDim + from,
            Math.min(KvCache.PAGE, headDim - from));
      }
    }
  }
}
