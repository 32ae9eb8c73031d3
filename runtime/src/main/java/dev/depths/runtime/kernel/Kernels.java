package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;

/**
 * The arithmetic of a forward pass. {@link VectorKernels} compute on the Vector API; {@link LoopKernels} compute the same
 * bits where those are not compiled yet; {@link ScalarKernels} are the reference that says what the results are. What a
 * plain loop says exactly, that loop stands here for both.
 */
public sealed interface Kernels permits VectorKernels, LoopKernels, StagedKernels, ScalarKernels {
  /** No format is multiplied by {@link #panelsGemv} for more rows. */
  int MOST_GEMV_ROWS = 32;

  /**
   * Most rows for which {@link #panelsGemv} pays; for more, {@link #panelGemm} unpacks the panel once and multiplies each row
   * faster. As measured: at 512 bits on Zen 5 nibbles would gain up to 96 rows, bfloat16 up to 64 and I6_16 no more than 24, but
   * a model has several formats, and a first pass would wait for the kernels of either way; at other widths on AVX2.
   */
  static int gemvRows(PanelFormat format) {
    if (Simd.BITS == 512) {
      return MOST_GEMV_ROWS;
    }
    return switch (format) {
      case F16, BF12, I8 -> 8;
      default -> 24;
    };
  }

  /**
   * Neighbouring panels that {@link #panelsGemv} had better be given a multiple of: a core reads several streams faster than
   * one, and of panels that are left over some are multiplied twice. Of bytes four are taken at a time, but shares of whole fours
   * were no faster.
   */
  static int gemvPanels(PanelFormat format) {
    return switch (format) {
      case F32, F16 -> 3;
      default -> 2;
    };
  }

  /** The implementation to use: vectors, or plain loops if the system property {@code depths.kernels} is {@code scalar}. */
  static Kernels select() {
    return "scalar".equals(System.getProperty("depths.kernels")) ? new ScalarKernels() : new VectorKernels();
  }

  /** A line for people: implementation and width. */
  String describe();

  /**
   * Product with one f32 panel: {@code y[r][0..31] (+)= sum over i < k of x[r][i] · panel[i][0..31]}, in the order of i,
   * one fused multiply-add each, so that a row's result does not depend on {@code rows}.
   *
   * @param w holds the panel at {@code wOffset}
   * @param x rows of activations, the first at {@code xOffset}, {@code ldx} apart
   * @param y rows of results, the first at {@code yOffset}, {@code ldy} apart; 32 floats each are written
   * @param accumulate whether to add to what {@code y} holds
   */
  void panelF32(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y, int yOffset,
      int ldy, boolean accumulate);

  /** Whether products with f32 panels are faster if rows of activations are interleaved. */
  default boolean interleaves() {
    return false;
  }

  /**
   * Fills in interleaved rows, whole blocks of 32 columns of them.
   *
   * @param x the rows, the first at {@code xOffset}, {@code ldx} apart
   * @param column the first of them in {@code to}
   * @param row the first of them in {@code to}, which is the first of a group
   * @param rows an even number
   */
  default void interleave(float[] x, int xOffset, int ldx, int columns, Activations to, int column, int row, int rows) {
    float[] out = to.interleaved();
    for (int r = 0; r < rows; r += 2) {
      int first = xOffset + r * ldx;
      int at = (row + r) * to.stride + 2 * column;
      for (int i = 0; i < columns; i++) {
        out[at + 2 * i] = x[first + i];
        out[at + 2 * i + 1] = x[first + ldx + i];
      }
    }
  }

  /**
   * As the other, to the same bits, with columns of rows of activations.
   *
   * @param column the first
   * @param row the first; if the rows are interleaved the first of a group
   */
  default void panelF32(MemorySegment w, long wOffset, Activations x, int column, int columns, int row, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    panelF32(w, wOffset, columns, x.f32, row * x.stride + column, x.stride, rows, y, yOffset, ldy, accumulate);
  }

  /**
   * As {@link #panelF32}, with one {@link PanelFormat#F16} panel, which is not unpacked: for few rows. The results have the
   * bits that {@code panelF32} gives with the unpacked panel.
   */
  void panelF16(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y, int yOffset,
      int ldy, boolean accumulate);

  /** As {@link #panelF32} or {@link #panelF16}, by the panel's format. */
  default void panel(PanelFormat format, MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows,
      float[] y, int yOffset, int ldy, boolean accumulate) {
    switch (format) {
      case F32 -> panelF32(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
      case F16 -> panelF16(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
      default -> throw new IllegalArgumentException("panels of " + format + " are not multiplied alone");
    }
  }

  /**
   * Products of rows of activations with neighbouring panels of any format, without unpacking them: for a decode. With
   * integer formats the quantised activations are used.
   *
   * @param from the first panel
   * @param to after the last panel
   * @param row the first row of {@code x}
   * @param y rows of results, the first at {@code yOffset}, {@code ldy} apart; 32 floats are written for each panel
   */
  void panelsGemv(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset, int ldy);

  /**
   * Product of many rows of activations with one panel of any format, unpacked to f32 once for all rows, as many columns at
   * a time as fit {@code scratch}.
   *
   * @param row the first row of {@code x}
   */
  default void panelGemm(PackedMatrix w, int panel, Activations x, int row, int rows, MemorySegment scratch, float[] y,
      int yOffset, int ldy) {
    if (w.format() == PanelFormat.F32) {
      panelF32(w.data(), w.offset(panel), x, 0, w.columns(), row, rows, y, yOffset, ldy, false);
      return;
    }
    int most = (int) (scratch.byteSize() / Panels.FLOAT_BYTES);
    for (int c = 0; c < w.columns(); c += most) {
      int n = Math.min(most, w.columns() - c);
      unpack(w, panel, c, n, scratch);
      panelF32(scratch, 0, x, c, n, row, rows, y, yOffset, ldy, c > 0);
    }
    if (w.format() == PanelFormat.BF12) {
      Bf12Rest.finish(w, panel, x, row, rows, y, yOffset, ldy);
    }
  }

  /**
   * Unpacks columns of a panel to f32: the weights, of BF12 their codes times {@link Bf12#LIFT}.
   *
   * @param column the first; a multiple of the format's block
   * @param columns how many; a whole number of blocks
   * @param out receives {@code [columns][32]} floats
   */
  void unpack(PackedMatrix w, int panel, int column, int columns, MemorySegment out);

  /** Unpacks the columns of an F16 panel that begin at {@code wOffset} of {@code w}, as {@link #unpack}. */
  void unpackF16(MemorySegment w, long wOffset, int columns, MemorySegment out);

  /** Reads memory, which is about to be multiplied, into the core's caches. */
  default void touch(MemorySegment memory, long from, int bytes) {}

  /**
   * Quantises blocks of 32 columns of a row of {@code x}, from {@code column} on; see {@link Quantize}.
   *
   * @param range of the formats that the row will be multiplied with
   */
  void quantize(Activations x, int row, int column, int columns, ActivationRange range);

  /** RMSNorm (arXiv 1910.07467): {@code out = x / sqrt(mean(x²) + epsilon) · weight}; {@code out} may be {@code x}. */
  default void rmsNorm(float[] x, int xOffset, int n, float[] weight, float epsilon, float[] out, int outOffset) {
    float scale = (float) (1.0 / Math.sqrt(dot(x, xOffset, x, xOffset, n) / n + epsilon));
    for (int i = 0; i < n; i++) {
      out[outOffset + i] = x[xOffset + i] * scale * weight[i];
    }
  }

  /** {@code gate = silu(gate) · up}: SwiGLU (arXiv 2002.05202), with silu(g) = g / (1 + e^-g). */
  void siluMultiply(float[] gate, int gateOffset, float[] up, int upOffset, int n);

  /** {@code x = softmax(x · scale)}. */
  void softmax(float[] x, int offset, int n, float scale);

  /** Logarithm of the sum of {@code e^x}. */
  float logSumExp(float[] x, int offset, int n);

  /**
   * Rotary position embedding (arXiv 2104.09864) of one head: elements i and i + pairs turn by the angle whose cosine and
   * sine are given.
   */
  default void rotate(float[] x, int offset, float[] cos, float[] sin, int tableOffset, int pairs) {
    for (int i = 0; i < pairs; i++) {
      float a = x[offset + i];
      float b = x[offset + pairs + i];
      float c = cos[tableOffset + i];
      float s = sin[tableOffset + i];
      x[offset + i] = a * c - b * s;
      x[offset + pairs + i] = a * s + b * c;
    }
  }

  /** Inner product. */
  float dot(float[] a, int aOffset, float[] b, int bOffset, int n);

  /** {@code y += x}. */
  default void add(float[] y, int yOffset, float[] x, int xOffset, int n) {
    for (int i = 0; i < n; i++) {
      y[yOffset + i] += x[xOffset + i];
    }
  }

  /** {@code x *= factor}. */
  default void scale(float[] x, int offset, int n, float factor) {
    for (int i = offset; i < offset + n; i++) {
      x[i] *= factor;
    }
  }
}
