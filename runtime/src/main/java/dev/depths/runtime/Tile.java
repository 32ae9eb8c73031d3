package dev.depths.runtime;

import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.Kernels;
import dev.depths.loader.ModelConfig;

/**
 * Scratch memory for the rows that a block computes together: the dense tile. Sized for {@code rows} and reused from
 * block to block.
 */
final class Tile {
  final int rows;
  /** Gathered rows of the residual stream, when a block computes only some. */
  final float[] gathered;
  /** Normalised input of a projection. */
  final Activations normed;
  final float[] q;
  final float[] k;
  final float[] v;
  final int qStride;
  final int kvStride;
  /** Attention's output, all heads. */
  final Activations attended;
  /** For each row its position. */
  final int[] position;
  /** For each row the position by which queries and keys are turned. */
  final int[] ropePosition;
  /** For each row its place in its sequence's cache. */
  final int[] slot;
  /** For each row how many of the positions that its sequence's cache holds it attends to: the first so many. */
  final int[] visible;
  /** Output of a projection back to the residual stream. */
  final float[] out;
  /** Whether {@link #out} is still to be added to the residual stream. */
  boolean owed;
  final int outStride;
  /** The MLP's gate, then its hidden layer. */
  final Activations hidden;
  /** Of few rows the other factor of the hidden layer. */
  final float[] up;
  /** Intermediate values of low-rank updates and bypasses. */
  final float[] lowRank;
  final int lowRankStride;

  Tile(ModelConfig c, int rows, int lowRankRows) {
    this.rows = rows;
    gathered = new float[rows * c.embedding()];
    normed = new Activations(rows, c.embedding(), Math.min(rows, Kernels.MOST_GEMV_ROWS));
    qStride = panelWidth(c.heads() * c.headDim());
    kvStride = panelWidth(c.kvHeads() * c.headDim());
    q = new float[rows * qStride];
    k = new float[rows * kvStride];
    v = new float[rows * kvStride];
    attended = new Activations(rows, c.heads() * c.headDim(), Math.min(rows, Kernels.MOST_GEMV_ROWS));
    position = new int[rows];
    ropePosition = new int[rows];
    slot = new int[rows];
    visible = new int[rows];
    outStride = panelWidth(c.embedding());
    out = new float[rows * outStride];
    hidden = new Activations(rows, c.feedForward(), Math.min(rows, Kernels.MOST_GEMV_ROWS));
    up = new float[hidden.quantizedRows() * hidden.stride()];
    lowRankStride = lowRankRows;
    lowRank = new float[rows * lowRankRows];
  }

  /** Products are written in whole panels. */
  static int panelWidth(int columns) {
    return Math.ceilDiv(columns, 32) * 32;
  }
}
