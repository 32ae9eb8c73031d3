package dev.depths.runtime;

import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;

/**
 * What happens to each row of a tile between two projections, split among workers by rows: the last projection's output
 * joins the residual stream, the result is normalised, and the next projection's input made ready: quantised if integers
 * will be multiplied, and multiplied with the first factors of low-rank updates.
 */
final class PrepareJob implements Workers.Job {
  private final Kernels kernels;
  private final float epsilon;
  private Tile tile;
  private int rows;
  private float[] residual;
  private int residualOffset;
  private int width;
  private boolean add;
  private float[] norm;
  private Projection projection;
  private Activations input;
  private boolean interleave;

  PrepareJob(Kernels kernels, float epsilon) {
    this.kernels = kernels;
    this.epsilon = epsilon;
  }

  /** Adds the tile's projection output to the residual stream first, if it is owed. */
  PrepareJob of(Tile tile, int rows, float[] residual, int residualOffset, int width) {
    this.tile = tile;
    this.rows = rows;
    this.residual = residual;
    this.residualOffset = residualOffset;
    this.width = width;
    this.add = tile.owed;
    tile.owed = false;
    this.norm = null;
    this.projection = null;
    this.interleave = false;
    return this;
  }

  /** Normalises the residual stream into {@code input}. */
  PrepareJob norm(float[] weight) {
    this.norm = weight;
    return this;
  }

  /** Where the normalised residual stream goes, if no projection's input is to be made of it. */
  PrepareJob normed(Activations input) {
    this.input = input;
    return this;
  }

  /** Makes {@code input} ready for a projection. */
  PrepareJob inputOf(Projection projection, Activations input) {
    interleave = projection.interleaves(kernels, rows);
    input.setInterleaved(interleave);
    return swiGluOf(projection, input);
  }

  /** Makes {@code input}, which SwiGLU has written for a projection, ready for it. */
  PrepareJob swiGluOf(Projection projection, Activations input) {
    this.projection = projection;
    this.input = input;
    return this;
  }

  @Override
  public void run(int share, int shares) {
    boolean quantize = projection != null && projection.multipliesIntegers(rows);
    int group = interleave ? Activations.GROUP : 1;
    int to = Workers.Job.from(rows, group, share + 1, shares);
    for (int r = Workers.Job.from(rows, group, share, shares); r < to; r++) {
      int x = residualOffset + r * width;
      if (add) {
        kernels.add(residual, x, tile.out, r * tile.outStride, width);
      }
      if (norm != null) {
        kernels.rmsNorm(residual, x, width, norm, epsilon, input.f32(), r * input.stride());
      }
      if (quantize) {
        kernels.quantize(input, r, 0, input.columns(), projection.inputRange());
      }
      if (projection != null && projection.loraA() != null) {
        for (int i = 0; i < projection.loraRows(); i++) {
          tile.lowRank[r * tile.lowRankStride + i] = projection.loraScale()
              * kernels.dot(input.f32(), r * input.stride(), projection.loraA(), i * input.columns(), input.columns());
        }
      }
      if (interleave && (r + 1) % Activations.GROUP == 0) {
        int first = r + 1 - Activations.GROUP;
        int stride = input.stride();
        kernels.interleave(input.f32(), first * stride, stride, stride, input, 0, first, Activations.GROUP);
      }
    }
  }
}
