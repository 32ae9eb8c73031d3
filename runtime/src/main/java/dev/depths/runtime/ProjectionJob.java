package dev.depths.runtime;

import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PackedMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A projection of the rows of a tile, split among workers by output panels. A panel of few rows is multiplied as it is, and
 * shares are contiguous panels. For more rows it is unpacked to f32, a piece that stays in the L2 cache at a time, and all
 * rows pass over it; whoever is free takes the next.
 */
final class ProjectionJob implements Workers.Job {
  /** Columns unpacked at a time: 256 KiB of f32. */
  private static final int UNPACKED_COLUMNS = 2048;

  /**
   * Units of work per share, if there are many rows: when the last one is taken, the other threads are about to end. A panel
   * is one, or several, of {@link #UNIT_ROWS} rows at least, for each of which it is unpacked again.
   */
  private static final int UNITS_PER_SHARE = 6;

  private static final int UNIT_ROWS = 128;

  /** A multiple of the rows of the tallest register tile. */
  private static final int REGISTER_ROWS = 12;

  private final Kernels kernels;
  private final MemorySegment[] unpacked;
  private final AtomicInteger nextUnit = new AtomicInteger();
  private Projection projection;
  private Activations x;
  private float[] lowRank;
  private int lowRankStride;
  private int rows;
  private final float[][] y = new float[3][];
  private final int[] strides = new int[3];
  private boolean swiGlu;

  ProjectionJob(Kernels kernels, int shares, Arena arena) {
    this.kernels = kernels;
    this.unpacked = new MemorySegment[shares];
    for (int i = 0; i < shares; i++) {
      unpacked[i] = arena.allocate(UNPACKED_COLUMNS * 32L * Float.BYTES, 64);
    }
  }

  /** Input and low-rank intermediates of the next run. */
  ProjectionJob of(Projection projection, Activations x, Tile tile, int rows) {
    this.projection = projection;
    this.x = x;
    this.lowRank = tile.lowRank;
    this.lowRankStride = tile.lowRankStride;
    this.rows = rows;
    this.swiGlu = false;
    nextUnit.set(0);
    return this;
  }

  /** Where a part's product goes. */
  ProjectionJob to(int part, float[] y, int stride) {
    this.y[part] = y;
    this.strides[part] = stride;
    return this;
  }

  /** Gate and up are combined, panel by panel, into {@code hidden}: silu(gate) · up. */
  ProjectionJob toSwiGlu(Activations hidden, float[] up) {
    to(0, hidden.f32(), hidden.stride());
    to(1, up, hidden.stride());
    swiGlu = true;
    return this;
  }

  @Override
  public void run(int share, int shares) {
    int panels = swiGlu ? projection.part(0).weights().panels() : projection.panels();
    if (rows <= projection.gemvRows()) {
      fewRows(firstPanel(panels, share, shares), firstPanel(panels, share + 1, shares));
      return;
    }
    int blocks = Math.max(1, Math.min(Math.ceilDiv(shares * UNITS_PER_SHARE, panels), rows / UNIT_ROWS));
    for (int u = nextUnit.getAndIncrement(); u < panels * blocks; u = nextUnit.getAndIncrement()) {
      unit(share, u / blocks, firstRow(u % blocks, blocks), firstRow(u % blocks + 1, blocks));
    }
  }

  /** Of a share: whole groups of the panels that are best multiplied together, unless some shares would have few. */
  private int firstPanel(int panels, int share, int shares) {
    int groups = Math.ceilDiv(panels, projection.gemvPanels());
    return groups < shares + shares / 2
        ? Workers.Job.from(panels, share, shares)
        : Math.min(panels, Workers.Job.from(groups, share, shares) * projection.gemvPanels());
  }

  /** All rows of a range of panels. */
  private void fewRows(int from, int to) {
    if (swiGlu) {
      gemv(projection.part(0), from, to, y[0], strides[0]);
      gemv(projection.part(1), from, to, y[1], strides[1]);
      for (int r = 0; r < rows; r++) {
        int o = r * strides[0] + from * 32;
        kernels.siluMultiply(y[0], o, y[1], o, (to - from) * 32);
      }
      return;
    }
    int first = 0;
    for (int i = 0; i < projection.size(); i++) {
      int panels = projection.part(i).weights().panels();
      gemv(projection.part(i), Math.max(from - first, 0), Math.min(to - first, panels), y[i], strides[i]);
      first += panels;
    }
  }

  private void gemv(Linear linear, int from, int to, float[] out, int ldy) {
    if (from < to) {
      kernels.panelsGemv(linear.weights(), from, to, x, 0, rows, out, from * 32, ldy);
      for (int p = from; p < to; p++) {
        finish(linear, p, 0, rows, out, ldy);
      }
    }
  }

  /** First row of a block of rows, which begins with a full register tile. */
  private int firstRow(int block, int blocks) {
    return Math.min(rows, Workers.Job.from(Math.ceilDiv(rows, REGISTER_ROWS), block, blocks) * REGISTER_ROWS);
  }

  /** Rows {@code from} to {@code to} of a panel, counted over all parts; of gate, up and their product for SwiGLU. */
  private void unit(int share, int p, int from, int to) {
    if (swiGlu) {
      panel(share, projection.part(0), p, from, to, y[0], strides[0]);
      panel(share, projection.part(1), p, from, to, y[1], strides[1]);
      for (int r = from; r < to; r++) {
        int o = r * strides[0] + p * 32;
        kernels.siluMultiply(y[0], o, y[1], o, 32);
      }
      return;
    }
    int part = 0;
    for (; p >= projection.part(part).weights().panels(); part++) {
      p -= projection.part(part).weights().panels();
    }
    panel(share, projection.part(part), p, from, to, y[part], strides[part]);
  }

  private void panel(int share, Linear linear, int p, int from, int to, float[] out, int ldy) {
    kernels.panelGemm(linear.weights(), p, x, from, to - from, unpacked[share], out, from * ldy + p * 32, ldy);
    finish(linear, p, from, to, out, ldy);
  }

  /** What is added to a panel's product. */
  private void finish(Linear linear, int p, int from, int to, float[] out, int ldy) {
    if (linear.loraB() != null) {
      PackedMatrix b = linear.loraB();
      kernels.panel(b.format(), b.data(), b.offset(p), b.columns(), lowRank, from * lowRankStride + linear.loraRow(),
          lowRankStride, to - from, out, from * ldy + p * 32, ldy, true);
    }
    if (linear.bias() != null) {
      for (int r = from; r < to; r++) {
        kernels.add(out, r * ldy + p * 32, linear.bias(), p * 32, 32);
      }
    }
  }
}
