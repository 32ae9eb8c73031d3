package dev.depths.runtime;

import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PackedMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A projection of the rows of a tile, split among workers by output panels. A panel of few rows is multiplied as it is; for
 * more it is unpacked to f32 once, a piece that stays in the L2 cache at a time, and all rows pass over it.
 */
final class ProjectionJob implements Workers.Job {
  /** Columns unpacked at a time: 128 KiB of f32. */
  private static final int UNPACKED_COLUMNS = 1024;

  private final Kernels kernels;
  private final MemorySegment[] unpacked;
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
    if (swiGlu) {
      int panels = projection.part(0).weights().panels();
      int to = Workers.Job.from(panels, share + 1, shares);
      for (int p = Workers.Job.from(panels, share, shares); p < to; p++) {
        panel(share, projection.part(0), p, y[0], strides[0]);
        panel(share, projection.part(1), p, y[1], strides[1]);
        for (int r = 0; r < rows; r++) {
          int o = r * strides[0] + p * 32;
          kernels.siluMultiply(y[0], o, y[1], o, 32);
        }
      }
      return;
    }
    int all = projection.panels();
    int from = Workers.Job.from(all, share, shares);
    int to = Workers.Job.from(all, share + 1, shares);
    int first = 0;
    for (int i = 0; i < projection.size(); i++) {
      int panels = projection.part(i).weights().panels();
      int end = Math.min(to - first, panels);
      for (int p = Math.max(from - first, 0); p < end; p++) {
        panel(share, projection.part(i), p, y[i], strides[i]);
      }
      first += panels;
    }
  }

  private void panel(int share, Linear linear, int p, float[] out, int ldy) {
    PackedMatrix w = linear.weights();
    int o = p * 32;
    switch (w.format()) {
      case F32 -> kernels.panelF32(w.data(), w.offset(p), w.columns(), x.f32(), 0, x.stride(), rows, out, o, ldy, false);
      default -> {
        if (rows <= Tile.GEMV_ROWS) {
          kernels.panelGemv(w, p, x, 0, rows, out, o, ldy);
        } else {
          kernels.panelGemm(w, p, x, rows, unpacked[share], out, o, ldy);
        }
      }
    }
    if (linear.loraB() != null) {
      PackedMatrix b = linear.loraB();
      kernels.panelF32(b.data(), b.offset(p), b.columns(), lowRank, linear.loraRow(), lowRankStride, rows, out, o, ldy,
          true);
    }
    if (linear.bias() != null) {
      for (int r = 0; r < rows; r++) {
        kernels.add(out, o + r * ldy, linear.bias(), o, 32);
      }
    }
  }
}
