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
  /** By share, of many rows a panel's gate and up. */
  private final float[][] gates;
  private final float[][] ups;
  /** Where SwiGLU goes, and what will be multiplied with it; null if parts go where they are told. */
  private Activations hidden;
  private Projection next;

  ProjectionJob(Kernels kernels, int shares, Arena arena) {
    this.kernels = kernels;
    this.unpacked = new MemorySegment[shares];
    this.gates = new float[shares][0];
    this.ups = new float[shares][0];
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
    this.hidden = null;
    nextUnit.set(0);
    return this;
  }

  /** Where a part's product goes. */
  ProjectionJob to(int part, float[] y, int stride) {
    this.y[part] = y;
    this.strides[part] = stride;
    return this;
  }

  /**
   * Gate and up are combined, panel by panel, into {@code hidden}: silu(gate) · up.
   *
   * @param up for few rows, of the stride of {@code hidden}
   * @param next that {@code hidden} is the input of
   */
  ProjectionJob toSwiGlu(Activations hidden, float[] up, Projection next) {
    to(0, hidden.f32(), hidden.stride());
    to(1, up, hidden.stride());
    this.hidden = hidden;
    this.next = next;
    hidden.setInterleaved(rows > projection.gemvRows() && next.interleaves(kernels, rows));
    return this;
  }

  @Override
  public void run(int share, int shares) {
    int panels = hidden != null ? projection.part(0).weights().panels() : projection.panels();
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
        : Workers.Job.from(panels, projection.gemvPanels(), share, shares);
  }

  /** All rows of a range of panels. */
  private void fewRows(int from, int to) {
    if (hidden != null) {
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
        finish(linear, p, 0, rows, out, p * 32, ldy);
      }
    }
  }

  /** First row of a block of rows, which begins with a whole group. */
  private int firstRow(int block, int blocks) {
    return Workers.Job.from(rows, Activations.GROUP, block, blocks);
  }

  /** Rows {@code from} to {@code to} of a panel, counted over all parts; of gate, up and their product for SwiGLU. */
  private void unit(int share, int p, int from, int to) {
    if (hidden != null) {
      swiGlu(share, p, from, to);
      return;
    }
    int part = 0;
    for (; p >= projection.part(part).weights().panels(); part++) {
      p -= projection.part(part).weights().panels();
    }
    panel(share, projection.part(part), p, from, to, y[part], from * strides[part] + p * 32, strides[part]);
  }

  /** Whole groups are written interleaved if the next product takes them so; by rows what is left over, and what is read so. */
  private void swiGlu(int share, int p, int from, int to) {
    int n = to - from;
    if (gates[share].length < n * 32) {
      gates[share] = new float[n * 32];
      ups[share] = new float[n * 32];
    }
    float[] gate = gates[share];
    panel(share, projection.part(0), p, from, to, gate, 0, 32);
    panel(share, projection.part(1), p, from, to, ups[share], 0, 32);
    kernels.siluMultiply(gate, 0, ups[share], 0, n * 32);
    int whole = hidden.isInterleaved() ? n / Activations.GROUP * Activations.GROUP : 0;
    kernels.interleave(gate, 0, 32, 32, hidden, p * 32, from, whole);
    for (int r = next.readsRows() ? 0 : whole; r < n; r++) {
      System.arraycopy(gate, r * 32, hidden.f32(), (from + r) * hidden.stride() + p * 32, 32);
    }
  }

  private void panel(int share, Linear linear, int p, int from, int to, float[] out, int offset, int ldy) {
    kernels.panelGemm(linear.weights(), p, x, from, to - from, unpacked[share], out, offset, ldy);
    finish(linear, p, from, to, out, offset, ldy);
  }

  /** What is added to a panel's product, whose first row is at {@code offset}. */
  private void finish(Linear linear, int p, int from, int to, float[] out, int offset, int ldy) {
    if (linear.loraB() != null) {
      PackedMatrix b = linear.loraB();
      kernels.panel(b.format(), b.data(), b.offset(p), b.columns(), lowRank, from * lowRankStride + linear.loraRow(),
          lowRankStride, to - from, out, offset, ldy, true);
    }
    if (linear.bias() != null) {
      for (int r = 0; r < to - from; r++) {
        kernels.add(out, offset + r * ldy, linear.bias(), p * 32, 32);
      }
    }
  }
}
