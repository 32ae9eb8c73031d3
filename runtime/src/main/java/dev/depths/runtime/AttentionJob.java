package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Causal grouped-query attention of a tile over a block's ragged caches, each sequence's rows over its own, split among
 * workers by sequences, and where a sequence has several rows by key/value heads and groups of rows; whoever is free takes the
 * next. Scores and weighted sums are products with the cache's panels. The keys and values that a row sees are already in the
 * cache.
 */
final class AttentionJob implements Workers.Job {
  /** Tokens whose query heads share a pass over the cache. */
  private static final int ROWS = 24;

  /** From so many rows on, unpacking a panel of half floats costs less than doing it in each register tile. */
  private static final int UNPACKED_ROWS = 9;

  /** Pages of values unpacked at a time, which make up for what a product costs apart from its length: 16 KiB of f32. */
  private static final int UNPACKED_PAGES = 4;

  /** Between rows of scores, whose lengths are often powers of two: at such distances they would share few sets of a cache. */
  private static final int PADDING = 16;

  private final Kernels kernels;
  private final int kvHeads;
  private final int group;
  private final int headDim;
  private final float[][] scores;
  private final float[][] sums;
  private final MemorySegment[] unpacked;
  private final RowAttention[] single;
  private final AtomicInteger nextUnit = new AtomicInteger();
  private int block;
  private Tile tile;
  private PassRows pass;
  private TileRows rows;

  AttentionJob(Kernels kernels, ModelConfig c, int shares, Arena arena) {
    this.kernels = kernels;
    this.kvHeads = c.kvHeads();
    this.group = c.heads() / c.kvHeads();
    this.headDim = c.headDim();
    this.scores = new float[shares][0];
    this.sums = new float[shares][ROWS * group * Tile.panelWidth(headDim)];
    this.unpacked = new MemorySegment[shares];
    this.single = new RowAttention[shares];
    for (int i = 0; i < shares; i++) {
      unpacked[i] = arena.allocate(PanelFormat.F32.panelBytes(Math.max(headDim, UNPACKED_PAGES * KvCache.PAGE)), 64);
      single[i] = new RowAttention(kernels, c);
    }
  }

  /** @param tile its {@link Tile#visible} says how many of the positions that its sequence's cache holds each row sees */
  AttentionJob of(int block, Tile tile, PassRows pass, TileRows rows) {
    this.block = block;
    this.tile = tile;
    this.pass = pass;
    this.rows = rows;
    nextUnit.set(0);
    return this;
  }

  @Override
  public void run(int share, int shares) {
    int sequence = 0;
    int before = 0;
    for (int u = nextUnit.getAndIncrement(); ; u = nextUnit.getAndIncrement()) {
      while (u - before >= units(sequence)) {
        before += units(sequence);
        if (++sequence == pass.size()) {
          return;
        }
      }
      unit(share, sequence, u - before);
    }
  }

  private int units(int sequence) {
    int n = rows.start(sequence + 1) - rows.start(sequence);
    return n == 1 ? 1 : kvHeads * Math.ceilDiv(n, ROWS);
  }

  private void unit(int share, int sequence, int u) {
    KvCache.BlockKv kv = pass.sequence(sequence).kv(block);
    int first = rows.start(sequence);
    int n = rows.start(sequence + 1) - first;
    if (n == 1) {
      RowAttention one = single[share].of(kv, tile, first);
      one.scores(0, one.pages());
      one.softmax(0, one.heads());
      one.sums(0, one.chunks());
      return;
    }
    int head = u % kvHeads;
    // Later rows see more positions: begun with, they leave short units for the end.
    int from = (Math.ceilDiv(n, ROWS) - 1 - u / kvHeads) * ROWS;
    attend(share, kv, head, first + from, Math.min(ROWS, n - from));
  }

  /**
   * Queries of {@code n} rows of the tile against one key/value head: the rows of each query head of the group make one product
   * with a panel, and each panel of the cache is passed over by all heads before the next.
   */
  private void attend(int share, KvCache.BlockKv kv, int head, int from, int n) {
    int ldq = tile.qStride;
    // A later token sees no less than one before it.
    int held = tile.visible[from + n - 1];
    int pages = Math.ceilDiv(held, KvCache.PAGE);
    int lds = pages * KvCache.PAGE + PADDING;
    float[] s = scores(share, group * n * lds);
    int query = from * tile.qStride + head * group * headDim;
    boolean unpack = kv.format() == PanelFormat.F16 && group * n >= UNPACKED_ROWS;
    MemorySegment scratch = unpacked[share];
    for (int p = 0; p < pages; p++) {
      long keys = kv.keyOffset(p, head);
      if (unpack) {
        kernels.unpackF16(kv.memory(p), keys, headDim, scratch);
      }
      for (int i = 0; i < group; i++) {
        int q = query + i * headDim;
        int o = i * n * lds + p * KvCache.PAGE;
        if (unpack) {
          kernels.panelF32(scratch, 0, headDim, tile.q, q, ldq, n, s, o, lds, false);
        } else {
          kv.panel(kernels, p, keys, headDim, tile.q, q, ldq, n, s, o, lds, false);
        }
      }
    }
    float scale = (float) (1 / Math.sqrt(headDim));
    for (int r = 0; r < group * n; r++) {
      int seen = tile.visible[from + r % n];
      kernels.softmax(s, r * lds, seen, scale);
      for (int i = seen; i < held; i++) {
        s[r * lds + i] = 0;
      }
    }
    weightedSums(share, kv, head, held, s, lds, group * n, unpack);
    float[] sum = sums[share];
    int ldo = Tile.panelWidth(headDim);
    float[] out = tile.attended.f32();
    for (int r = 0; r < group * n; r++) {
      int to = (from + r % n) * tile.attended.stride() + (head * group + r / n) * headDim;
      System.arraycopy(sum, r * ldo, out, to, headDim);
    }
  }

  /** Values of a head summed into the share's rows, weighted by rows of {@code s} that are {@code lds} apart. */
  private void weightedSums(int share, KvCache.BlockKv kv, int head, int held, float[] s, int lds, int n, boolean unpack) {
    float[] sum = sums[share];
    int ldo = Tile.panelWidth(headDim);
    int positions = unpack ? UNPACKED_PAGES * KvCache.PAGE : KvCache.PAGE;
    for (int d = 0; d < headDim; d += 32) {
      for (int from = 0; from < held; from += positions) {
        int k = Math.min(positions, held - from);
        int page = from / KvCache.PAGE;
        if (unpack) {
          for (int i = 0; i < k; i += KvCache.PAGE) {
            MemorySegment out = unpacked[share].asSlice(PanelFormat.F32.panelBytes(i));
            long values = kv.valueOffset(page + i / KvCache.PAGE, head, d / 32);
            kernels.unpackF16(kv.memory(page + i / KvCache.PAGE), values, Math.min(KvCache.PAGE, k - i), out);
          }
          kernels.panelF32(unpacked[share], 0, k, s, from, lds, n, sum, d, ldo, from > 0);
        } else {
          kv.panel(kernels, page, kv.valueOffset(page, head, d / 32), k, s, from, lds, n, sum, d, ldo, from > 0);
        }
      }
    }
  }

  private float[] scores(int share, int size) {
    if (scores[share].length < size) {
      scores[share] = new float[Math.max(size, 2 * scores[share].length)];
    }
    return scores[share];
  }
}
