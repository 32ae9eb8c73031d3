package dev.depths.runtime.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The products of {@link LoopKernels}: weights are copied from native memory to arrays, decoded a block of columns at a
 * time, and multiplied. Accumulators take the same operands in the same order as the vectors' lanes. Blocks of integers times
 * more than {@link #FEW_ROWS} rows go through the product with f32 panels, whose vectors are compiled first of all.
 */
final class LoopPanels {
  private static final int ROWS = Panels.ROWS;
  private static final int BLOCK = Panels.BLOCK;
  /** Columns copied from native memory at a time. */
  private static final int COLUMNS = 1024;
  /** Rows up to which nothing but loops is run. */
  static final int FEW_ROWS = 4;
  private static final ThreadLocal<LoopPanels> OF_THREAD = ThreadLocal.withInitial(LoopPanels::new);

  /** Packed weights; an int holds the 16-bit lanes of rows c (low) and c + 16 (high). */
  private int[] words = new int[0];
  private MemorySegment wordsSegment = MemorySegment.ofArray(words);
  /** Decoded integers of a block [column][row]. */
  private final int[] codes = new int[BLOCK * ROWS];
  /** Weights of a block [column][row]. */
  private final float[] floats = new float[BLOCK * ROWS];
  private final MemorySegment floatsSegment = MemorySegment.ofArray(floats);
  private final float[] scales = new float[ROWS];
  private final float[] minima = new float[ROWS];
  private final int[] dots = new int[ROWS];
  private final float[] sums = new float[ROWS];
  private final float[] lanes = new float[2 * Simd.LANES];
  // A block's product in f32: codes, in the native memory that vectors read, inputs [row][column], products [row][output].
  private final MemorySegment panel = Arena.ofAuto().allocate((long) BLOCK * Panels.FLOAT_BYTES, 64);
  private final float[] inputs = new float[Kernels.MOST_GEMV_ROWS * BLOCK];
  private final float[] products = new float[Kernels.MOST_GEMV_ROWS * ROWS];

  private LoopPanels() {}

  static LoopPanels ofThread() {
    return OF_THREAD.get();
  }

  /** So many zeros, the lanes of one or two vectors, until it is called again: nothing is allocated while tokens come. */
  float[] lanes(int n) {
    Arrays.fill(lanes, 0, n, 0);
    return lanes;
  }

  void panelF32(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    if (k == 0) {
      rows(0, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
    }
    for (int i = 0; i < k; i += BLOCK) {
      int n = Math.min(BLOCK, k - i);
      MemorySegment.copy(w, wOffset + (long) i * Panels.FLOAT_BYTES, floatsSegment, 0, (long) n * Panels.FLOAT_BYTES);
      rows(n, x, xOffset + i, ldx, rows, y, yOffset, ldy, accumulate || i > 0);
    }
  }

  void panelF16(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y, int yOffset,
      int ldy, boolean accumulate) {
    if (k == 0) {
      rows(0, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
    }
    for (int i = 0; i < k; i += BLOCK) {
      int n = Math.min(BLOCK, k - i);
      halfColumns(w, wOffset + (long) i * Panels.LANE_BYTES, n);
      rows(n, x, xOffset + i, ldx, rows, y, yOffset, ldy, accumulate || i > 0);
    }
  }

  void unpackF16(MemorySegment w, long wOffset, int columns, MemorySegment out) {
    for (int i = 0; i < columns; i += BLOCK) {
      int n = Math.min(BLOCK, columns - i);
      halfColumns(w, wOffset + (long) i * Panels.LANE_BYTES, n);
      MemorySegment.copy(floatsSegment, 0, out, (long) i * Panels.FLOAT_BYTES, (long) n * Panels.FLOAT_BYTES);
    }
  }

  /** Up to 32 columns of half floats to {@link #floats}. */
  private void halfColumns(MemorySegment w, long wOffset, int columns) {
    copy(w, wOffset, (long) columns * Panels.LANE_BYTES);
    toFloats(PanelFormat.F16, 0, columns);
  }

  void panelGemv(PackedMatrix w, int panel, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    PanelFormat format = w.format();
    for (int r = 0; r < rows; r++) {
      Arrays.fill(y, yOffset + r * ldy, yOffset + r * ldy + ROWS, 0);
    }
    int block = format.isInteger() ? format.block() : BLOCK;
    for (int piece = 0; piece < w.columns(); piece += COLUMNS) {
      int columns = Math.min(COLUMNS, w.columns() - piece);
      copy(w, panel, piece, columns);
      for (int c = 0; c < columns; c += block) {
        int at = row * x.stride + piece + c;
        if (format.isInteger()) {
          integerBlock(format, c, x, at, rows, y, yOffset, ldy);
        } else {
          int n = Math.min(block, columns - c);
          toFloats(format, c, n);
          rows(n, x.f32, at, x.stride, rows, y, yOffset, ldy, true);
        }
      }
    }
  }

  void unpack(PackedMatrix w, int panel, int column, int columns, MemorySegment out) {
    int step = Math.max(w.format().block(), 16);
    for (int piece = 0; piece < columns; piece += COLUMNS) {
      int n = Math.min(COLUMNS, columns - piece);
      copy(w, panel, column + piece, n);
      for (int c = 0; c < n; c += step) {
        int some = Math.min(step, n - c);
        toFloats(w.format(), c, some);
        MemorySegment.copy(floatsSegment, 0, out, (long) (piece + c) * Panels.FLOAT_BYTES, (long) some * Panels.FLOAT_BYTES);
      }
    }
  }

  private void copy(PackedMatrix w, int panel, int column, int columns) {
    copy(w.data(), w.offset(panel) + w.format().panelBytes(column), w.format().panelBytes(columns));
  }

  /**
   * Copies native memory to {@link #words}, as between segments: between a segment and an array the JDK would first make
   * code for a switch over array types.
   */
  private void copy(MemorySegment w, long offset, long bytes) {
    if (words.length < bytes / Integer.BYTES) {
      words = new int[(int) (bytes / Integer.BYTES)];
      wordsSegment = MemorySegment.ofArray(words);
    }
    MemorySegment.copy(w, offset, wordsSegment, 0, bytes);
  }

  /** Multiplies the columns in {@link #floats} with rows of activations. */
  private void rows(int n, float[] x, int xOffset, int ldx, int rows, float[] y, int yOffset, int ldy, boolean accumulate) {
    for (int r = 0; r < rows; r++) {
      int to = yOffset + r * ldy;
      if (accumulate) {
        System.arraycopy(y, to, sums, 0, ROWS);
      } else {
        Arrays.fill(sums, 0);
      }
      accumulate(n, x, xOffset + r * ldx);
      System.arraycopy(sums, 0, y, to, ROWS);
    }
  }

  /** Adds the products of n columns to {@link #sums}, in the order of the columns. */
  private void accumulate(int n, float[] x, int xOffset) {
    int i = 0;
    for (; i <= n - 8; i += 8) {
      eightColumns(floats, i * ROWS, x, xOffset + i, sums);
    }
    for (; i < n; i++) {
      oneColumn(floats, i * ROWS, x[xOffset + i], sums);
    }
  }

  private static void oneColumn(float[] w, int o, float x, float[] sums) {
    for (int c = 0; c < ROWS; c++) {
      sums[c] = Math.fma(w[o + c], x, sums[c]);
    }
  }

  private static void eightColumns(float[] w, int o, float[] x, int i, float[] sums) {
    float x0 = x[i];
    float x1 = x[i + 1];
    float x2 = x[i + 2];
    float x3 = x[i + 3];
    float x4 = x[i + 4];
    float x5 = x[i + 5];
    float x6 = x[i + 6];
    float x7 = x[i + 7];
    for (int c = 0; c < ROWS; c++) {
      float sum = Math.fma(w[o + c], x0, sums[c]);
      sum = Math.fma(w[o + ROWS + c], x1, sum);
      sum = Math.fma(w[o + 2 * ROWS + c], x2, sum);
      sum = Math.fma(w[o + 3 * ROWS + c], x3, sum);
      sum = Math.fma(w[o + 4 * ROWS + c], x4, sum);
      sum = Math.fma(w[o + 5 * ROWS + c], x5, sum);
      sum = Math.fma(w[o + 6 * ROWS + c], x6, sum);
      sums[c] = Math.fma(w[o + 7 * ROWS + c], x7, sum);
    }
  }

  // Each loop is a method of its own: C2 takes far longer over several in one.

  /** Adds the products of a block with rows of quantised activations, the first at {@code xOffset}, to rows of y. */
  private void integerBlock(PanelFormat format, int column, Activations x, int xOffset, int rows, float[] y, int yOffset,
      int ldy) {
    int block = format.block();
    scales(format, decode(format, column), false);
    if (rows > FEW_ROWS) {
      multiplyBlock(block, x, xOffset, rows);
    }
    for (int r = 0; r < rows; r++) {
      int at = xOffset + r * x.stride;
      int to = yOffset + r * ldy;
      if (rows > FEW_ROWS) {
        toInts(products, r * ROWS, dots);
      } else {
        Arrays.fill(dots, 0);
        for (int i = 0; i < block; i += 4) {
          fourProducts(codes, i * ROWS, x.q, at + i, dots);
        }
      }
      int xs = x.sums[at / 16] + (block == BLOCK ? x.sums[at / 16 + 1] : 0);
      float scale = x.scales[at / BLOCK];
      scaled(dots, format.hasMin() ? 0 : format.bias() * xs, scales, scale, y, to);
      if (format.hasMin()) {
        multiplied(minima, xs * scale, y, to);
      }
    }
  }

  /** {@link #codes} times rows of a block of quantised activations, to {@link #products}: integers below 2^24, so exact. */
  private void multiplyBlock(int block, Activations x, int xOffset, int rows) {
    toFloats(codes, block * ROWS, floats);
    MemorySegment.copy(floatsSegment, 0, panel, 0, (long) block * Panels.FLOAT_BYTES);
    for (int r = 0; r < rows; r++) {
      toFloats(x.q, xOffset + r * x.stride, block, inputs, r * BLOCK);
    }
    F32Gemm.multiply(panel, 0, block, inputs, 0, BLOCK, rows, products, 0, ROWS, false);
  }

  private static void toFloats(int[] codes, int n, float[] out) {
    for (int i = 0; i < n; i++) {
      out[i] = codes[i];
    }
  }

  private static void toFloats(short[] q, int from, int n, float[] out, int to) {
    for (int i = 0; i < n; i++) {
      out[to + i] = q[from + i];
    }
  }

  private static void toInts(float[] products, int from, int[] dots) {
    for (int c = 0; c < ROWS; c++) {
      dots[c] = (int) products[from + c];
    }
  }

  private static void fourProducts(int[] codes, int o, short[] x, int i, int[] dots) {
    int x0 = x[i];
    int x1 = x[i + 1];
    int x2 = x[i + 2];
    int x3 = x[i + 3];
    for (int c = 0; c < ROWS; c++) {
      dots[c] += codes[o + c] * x0 + codes[o + ROWS + c] * x1 + codes[o + 2 * ROWS + c] * x2 + codes[o + 3 * ROWS + c] * x3;
    }
  }

  private static void scaled(int[] dots, int less, float[] scales, float scale, float[] y, int to) {
    for (int c = 0; c < ROWS; c++) {
      y[to + c] = Math.fma(dots[c] - less, scales[c] * scale, y[to + c]);
    }
  }

  private static void multiplied(float[] w, float x, float[] y, int to) {
    for (int c = 0; c < ROWS; c++) {
      y[to + c] = Math.fma(w[c], x, y[to + c]);
    }
  }

  /** Columns of {@link #words} to {@link #floats}: a block, or of formats without blocks any number up to 32. */
  private void toFloats(PanelFormat format, int column, int columns) {
    switch (format) {
      case F32 -> throw new IllegalArgumentException("an f32 panel needs no unpacking");
      case BF16 -> {
        for (int i = 0; i < columns; i++) {
          bfloat16(words, (column + i) * 16, floats, i * ROWS);
        }
      }
      case F16 -> {
        for (int i = 0; i < columns; i++) {
          halves(words, (column + i) * 16, Halves.SCALE, floats, i * ROWS);
        }
      }
      default -> {
        scales(format, decode(format, column), true);
        for (int i = 0; i < columns; i += 4) {
          fourColumns(codes, i * ROWS, scales, minima, floats);
        }
      }
    }
  }

  private static void bfloat16(int[] words, int from, float[] out, int to) {
    for (int c = 0; c < 16; c++) {
      int n = words[from + c];
      out[to + c] = Float.intBitsToFloat(n << 16);
      out[to + 16 + c] = Float.intBitsToFloat(n & 0xffff0000);
    }
  }

  private static void fourColumns(int[] codes, int o, float[] scales, float[] minima, float[] out) {
    for (int c = 0; c < ROWS; c++) {
      float d = scales[c];
      float m = minima[c];
      out[o + c] = Math.fma(codes[o + c], d, m);
      out[o + ROWS + c] = Math.fma(codes[o + ROWS + c], d, m);
      out[o + 2 * ROWS + c] = Math.fma(codes[o + 2 * ROWS + c], d, m);
      out[o + 3 * ROWS + c] = Math.fma(codes[o + 3 * ROWS + c], d, m);
    }
  }

  /** Decodes the block that begins at a column to {@link #codes}; returns where its scales are. */
  private int decode(PanelFormat format, int column) {
    int block = format.block();
    int start = column / block * (format.blockBytes() / Integer.BYTES);
    if (format == PanelFormat.I8) {
      for (int g = 0; g < block / 2; g++) {
        bytes(words, start + g * 16, codes, g * 2 * ROWS);
      }
    } else {
      fields(format.fields(), block, start);
    }
    return start + format.weightBytes() / Integer.BYTES;
  }

  private static void bytes(int[] words, int from, int[] codes, int to) {
    for (int c = 0; c < 16; c++) {
      int n = words[from + c];
      codes[to + c] = n & 255;
      codes[to + 16 + c] = n >>> 16 & 255;
      codes[to + ROWS + c] = n >>> 8 & 255;
      codes[to + ROWS + 16 + c] = n >>> 24;
    }
  }

  private void fields(Fields fields, int block, int start) {
    Arrays.fill(codes, 0, block * ROWS, 0);
    for (int lane = 0; lane < fields.lanes(); lane++) {
      for (int field = 0; field < Fields.PER_HALF; field++) {
        int mask = (1 << fields.width(field)) - 1;
        int bit = fields.codeBit(lane, field);
        field(words, start + lane * ROWS, fields.position(field), mask, bit, codes, fields.column(lane, field, 0) * ROWS);
      }
    }
  }

  /** The field at {@code position} of both halves of a lane, which belong to neighbouring columns. */
  private static void field(int[] words, int from, int position, int mask, int bit, int[] codes, int to) {
    for (int c = 0; c < ROWS; c++) {
      int n = words[from + c] >>> position;
      codes[to + c] |= (n & mask) << bit;
      codes[to + ROWS + c] |= (n >>> Short.SIZE & mask) << bit;
    }
  }

  /**
   * The scales at {@code at} and the minima after them.
   *
   * @param fromBias without minima, whether to give what code 0 stands for in their place
   */
  private void scales(PanelFormat format, int at, boolean fromBias) {
    halves(words, at, Halves.SCALE, scales, 0);
    if (format.hasMin()) {
      halves(words, at + 16, Halves.SCALE, minima, 0);
    } else if (fromBias) {
      halves(words, at, -format.bias() * Halves.SCALE, minima, 0);
    }
  }

  /** Half floats times a factor over {@link Halves#SCALE}. */
  private static void halves(int[] words, int from, float factor, float[] out, int to) {
    for (int c = 0; c < 16; c++) {
      int n = words[from + c];
      out[to + c] = Float.intBitsToFloat(n << 16 >> 3 & Halves.BITS) * factor;
      out[to + 16 + c] = Float.intBitsToFloat(n >> 3 & Halves.BITS) * factor;
    }
  }
}
