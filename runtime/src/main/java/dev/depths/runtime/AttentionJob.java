package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Causal grouped-query attention of a tile over a block's ragged cache, split among workers by key/value heads and groups
 * of rows, of which whoever is free takes the next. Scores and weighted sums are products with the cache's panels. The
 * tile's own keys and values are already in the cache, so its row r sees all that was held before and r + 1 more.
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
  private final AtomicInteger nextUnit = new AtomicInteger();
  private KvCache.BlockKv kv;
  private Tile tile;
  private int rows;

  AttentionJob(Kernels kernels, ModelConfig c, int shares, Arena arena) {
    this.kernels = kernels;
    this.kvHeads = c.kvHeads();
    this.group = c.heads() / c.kvHeads();
    this.headDim = c.headDim();
    this.scores = new float[shares][0];
    this.sums = new float[shares][ROWS * group * Tile.panelWidth(headDim)];
    this.unpacked = new MemorySegment[shares];
    for (int i = 0; i < shares; i++) {
      unpacked[i] = arena.allocate(PanelFormat.F32.panelBytes(Math.max(headDim, UNPACKED_PAGES * KvCache.PAGE)), 64);
    }
  }

  AttentionJob of(KvCache.BlockKv kv, Tile tile, int rows) {
    this.kv = kv;
    this.tile = tile;
    this.rows = rows;
    nextUnit.set(0);
    return this;
  }

  @Override
  public void run(int share, int shares) {
    int rowGroups = Math.ceilDiv(rows, ROWS);
    for (int u = nextUnit.getAndIncrement(); u < kvHeads * rowGroups; u = nextUnit.getAndIncrement()) {
      int head = u % kvHeads;
      // Later rows see more positions: begun with, they leave short units for the end.
      int from = (rowGroups - 1 - u / kvHeads) * ROWS;
      int n = Math.min(ROWS, rows - from);
      if (rows == 1) {
        // One token: the query heads of the group are the rows.
        attend(share, head, 1, headDim, group, 0, kv.count());
      } else {
        attend(share, head, group, tile.qStride, n, from, kv.count() - rows + from + 1);
      }
    }
  }

  /**
   * Queries against one key/value head: sets of rows that are {@code ldq} apart. Each panel of the cache is passed over by
   * all of them before the next.
   *
   * @param sets query heads, each with the rows of several tokens; one set if the heads of one token are the rows
   * @param from the first row's row in the tile; with several rows of one token all are in row 0
   * @param visible positions that the first row sees; each next row sees one more, but heads of one token the same
   */
  private void attend(int share, int head, int sets, int ldq, int n, int from, int visible) {
    boolean oneToken = rows == 1;
    int held = oneToken ? visible : visible + n - 1;
    int pages = Math.ceilDiv(held, KvCache.PAGE);
    int lds = pages * KvCache.PAGE + PADDING;
    float[] s = scores(share, sets * n * lds);
    int query = from * tile.qStride + head * group * headDim;
    boolean unpack = kv.format() == PanelFormat.F16 && sets * n >= UNPACKED_ROWS;
    MemorySegment scratch = unpacked[share];
    for (int p = 0; p < pages; p++) {
      long keys = kv.keyOffset(p, head);
      if (unpack) {
        kernels.unpackF16(kv.memory(p), keys, headDim, scratch);
      }
      for (int i = 0; i < sets; i++) {
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
    for (int r = 0; r < sets * n; r++) {
      int seen = oneToken ? visible : visible + r % n;
      kernels.softmax(s, r * lds, seen, scale);
      for (int i = seen; i < held; i++) {
        s[r * lds + i] = 0;
      }
    }
    weightedSums(share, head, held, s, lds, sets * n, unpack);
    float[] sum = sums[share];
    int ldo = Tile.panelWidth(headDim);
    float[] out = tile.attended.f32();
    for (int r = 0; r < sets * n; r++) {
      int to = oneToken ? (head * group + r) * headDim
          : (from + r % n) * tile.attended.stride() + (head * group + r / n) * headDim;
      System.arraycopy(sum, r * ldo, out, to, headDim);
    }
  }

  /** Values of a head summed into the share's rows, weighted by rows of {@code s} that are {@code lds} apart. */
  private void weightedSums(int share, int head, int held, float[] s, int lds, int n, boolean unpack) {
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
