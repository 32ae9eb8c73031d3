package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Kernels;

/**
 * Grouped-query attention of one row of a tile over its sequence's cache, by all heads: scores, softmax, weighted sums. Each
 * step can be done in parts; keys and values are read in the order of memory, page by page, for all heads of a part. Some
 * pages at a time are touched first: weights have driven them out of the caches since the last token, and a product, short as
 * it is, would wait for each.
 */
final class RowAttention {
  private final Kernels kernels;
  private final int heads;
  private final int kvHeads;
  private final int group;
  private final int headDim;
  private final int chunks;
  private final float[] sums;
  private float[] scores = new float[0];
  private KvCache.BlockKv kv;
  private Tile tile;
  private int row;
  private int held;
  private int stride;

  RowAttention(Kernels kernels, ModelConfig c) {
    this.kernels = kernels;
    this.heads = c.heads();
    this.kvHeads = c.kvHeads();
    this.group = heads / kvHeads;
    this.headDim = c.headDim();
    this.chunks = Math.ceilDiv(headDim, KvCache.PAGE);
    this.sums = new float[heads * chunks * KvCache.PAGE];
  }

  /** Begins with a row, which sees so many positions. */
  RowAttention of(KvCache.BlockKv kv, Tile tile, int row) {
    this.kv = kv;
    this.tile = tile;
    this.row = row;
    held = tile.visible[row];
    stride = pages() * KvCache.PAGE;
    if (scores.length < heads * stride) {
      scores = new float[2 * heads * stride];
    }
    return this;
  }

  /** Parts of {@link #scores}. */
  int pages() {
    return Math.ceilDiv(held, KvCache.PAGE);
  }

  /** Parts of {@link #softmax}. */
  int heads() {
    return heads;
  }

  /** Parts of {@link #sums}: 32 dimensions of a key/value head each. */
  int chunks() {
    return kvHeads * chunks;
  }

  /** Products of the queries with the keys of a range of pages. */
  void scores(int fromPage, int toPage) {
    for (int p = fromPage; p < toPage; p++) {
      if ((p - fromPage) % kv.touchedPages() == 0) {
        kv.touchKeys(kernels, p, toPage);
      }
      for (int h = 0; h < kvHeads; h++) {
        kv.panel(kernels, p, kv.keyOffset(p, h), headDim, tile.q, row * tile.qStride + h * group * headDim, headDim, group, scores,
            h * group * stride + p * KvCache.PAGE, stride, false);
      }
    }
  }

  /** Scores of a range of heads made weights. */
  void softmax(int fromHead, int toHead) {
    float scale = (float) (1 / Math.sqrt(headDim));
    for (int h = fromHead; h < toHead; h++) {
      kernels.softmax(scores, h * stride, held, scale);
    }
  }

  /** Values summed, weighted, of a range of chunks. */
  void sums(int fromChunk, int toChunk) {
    int size = group * KvCache.PAGE;
    for (int p = 0; p < pages(); p++) {
      if (p % kv.touchedPages() == 0) {
        kv.touchValues(kernels, p, pages(), fromChunk, toChunk);
      }
      int k = Math.min(KvCache.PAGE, held - p * KvCache.PAGE);
      for (int i = fromChunk; i < toChunk; i++) {
        int h = i / chunks;
        kv.panel(kernels, p, kv.valueOffset(p, h, i % chunks), k, scores, h * group * stride + p * KvCache.PAGE, stride, group,
            sums, i * size, KvCache.PAGE, p > 0);
      }
    }
    for (int i = fromChunk; i < toChunk; i++) {
      int d = i % chunks * KvCache.PAGE;
      int to = row * tile.attended.stride() + i / chunks * group * headDim + d;
      for (int g = 0; g < group; g++) {
        System.arraycopy(sums, i * size + g * KvCache.PAGE, tile.attended.f32(), to + g * headDim,
            Math.min(KvCache.PAGE, headDim - d));
      }
    }
  }
}
