package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The products of {@link LoopKernels}: weights are copied from native memory to arrays, floats decoded a block of columns at a
 * time, and multiplied. Accumulators take the same operands in the same order as the vectors' lanes. Integers are multiplied
 * two at a time, in the halves of a long: {@code (a + 2^32 · b) · q = a · q + 2^32 · (b · q)}, and so are sums of such
 * products, as long as those of {@code a} fit an int. What C1 makes of it, within milliseconds, is no slower than what C2
 * does.
 */
final class LoopPanels {
  private static final int ROWS = Panels.ROWS;
  private static final int BLOCK = Panels.BLOCK;
  /** Columns copied from native memory at a time. */
  private static final int COLUMNS = 1024;
  /** Longs that the products of all outputs take. */
  private static final int DOTS = ROWS / 2;
  /** A 1 in each half of a long. */
  private static final long BOTH = 1L << 32 | 1;
  private static final ThreadLocal<LoopPanels> OF_THREAD = ThreadLocal.withInitial(LoopPanels::new);

  /** Packed weights; an int holds the 16-bit lanes of rows c (low) and c + 16 (high), a long the ints of rows c and c + 1. */
  private long[] words = new long[0];
  private MemorySegment wordsSegment = MemorySegment.ofArray(words);
  /** Decoded integers of a block [column][row]. */
  private final int[] codes = new int[BLOCK * ROWS];
  /** Weights of a block [column][row]. */
  private final float[] floats = new float[BLOCK * ROWS];
  private final MemorySegment floatsSegment = MemorySegment.ofArray(floats);
  private final float[] scales = new float[ROWS];
  private final float[] minima = new float[ROWS];
  /** A block's products with rows of activations [row][output], two neighbouring outputs in each; one row to spare. */
  private final long[] dots = new long[(Kernels.MOST_GEMV_ROWS + 1) * DOTS];
  private final float[] sums = new float[ROWS];
  private final float[] lanes = new float[2 * Simd.LANES];

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
    if (format == PanelFormat.BF12) {
      Bf12Rest.finish(w, panel, x, row, rows, y, yOffset, ldy);
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
    if (words.length < bytes / Long.BYTES) {
      words = new long[(int) (bytes / Long.BYTES)];
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
    int start = start(format, column);
    scales(format, start, false);
    Arrays.fill(dots, 0, rows * DOTS, 0);
    if (format == PanelFormat.I8) {
      for (int i = 0; i < block; i += 8) {
        eightBytes(words, start + i * (DOTS / 4), x.q, xOffset + i, x.stride, rows, dots);
      }
    } else {
      for (int lane = 0; lane < format.fields().lanes(); lane++) {
        lane(words, start + lane * DOTS, format.fields(), lane, x.q, xOffset, x.stride, rows, dots);
      }
    }
    for (int r = 0; r < rows; r++) {
      int at = xOffset + r * x.stride;
      int to = yOffset + r * ldy;
      int xs = x.sums[at / 16] + (block == BLOCK ? x.sums[at / 16 + 1] : 0);
      float scale = x.scales[at / BLOCK];
      scaled(dots, r * DOTS, format.hasMin() ? 0 : format.bias() * xs, scales, scale, y, to);
      if (format.hasMin()) {
        multiplied(minima, xs * scale, y, to);
      }
    }
  }

  /** Adds the products of eight columns of bytes, four pairs, with rows of activations. */
  private static void eightBytes(long[] words, int from, short[] q, int at, int stride, int rows, long[] dots) {
    long mask = 255 * BOTH;
    for (int r = 0; r < rows; r++) {
      int i = at + r * stride;
      long x0 = q[i];
      long x1 = q[i + 1];
      long x2 = q[i + 2];
      long x3 = q[i + 3];
      long x4 = q[i + 4];
      long x5 = q[i + 5];
      long x6 = q[i + 6];
      long x7 = q[i + 7];
      int to = r * DOTS;
      for (int c = 0; c < 8; c++) {
        long n0 = words[from + c];
        long n1 = words[from + 8 + c];
        long n2 = words[from + 16 + c];
        long n3 = words[from + 24 + c];
        dots[to + c] += (n0 & mask) * x0 + (n0 >>> 8 & mask) * x1 + (n1 & mask) * x2 + (n1 >>> 8 & mask) * x3
            + (n2 & mask) * x4 + (n2 >>> 8 & mask) * x5 + (n3 & mask) * x6 + (n3 >>> 8 & mask) * x7;
        dots[to + 8 + c] += (n0 >>> 16 & mask) * x0 + (n0 >>> 24 & mask) * x1
            + (n1 >>> 16 & mask) * x2 + (n1 >>> 24 & mask) * x3 + (n2 >>> 16 & mask) * x4 + (n2 >>> 24 & mask) * x5
            + (n3 >>> 16 & mask) * x6 + (n3 >>> 24 & mask) * x7;
      }
    }
  }

  /** Adds the products of the fields of a lane, those of both its halves, with rows of activations. */
  private static void lane(long[] words, int from, Fields fields, int lane, short[] q, int at, int stride, int rows,
      long[] dots) {
    int position1 = fields.position(1);
    int position2 = fields.position(2);
    int position3 = fields.position(3);
    long mask0 = fields.mask(0) * BOTH;
    long mask1 = fields.mask(1) * BOTH;
    long mask2 = fields.mask(2) * BOTH;
    long mask3 = fields.mask(3) * BOTH;
    int column0 = at + fields.column(lane, 0, 0);
    int column1 = at + fields.column(lane, 1, 0);
    int column2 = at + fields.column(lane, 2, 0);
    int column3 = at + fields.column(lane, 3, 0);
    int bit2 = fields.codeBit(lane, 2);
    int bit3 = fields.codeBit(lane, 3);
    // Two rows at a time, which share the masked fields; an odd one is multiplied twice.
    for (int r = 0; r < rows; r += 2) {
      int row = r * stride;
      long a0 = q[column0 + row];
      long a1 = q[column1 + row];
      long a2 = (long) q[column2 + row] << bit2;
      long a3 = (long) q[column3 + row] << bit3;
      long a4 = q[column0 + row + 1];
      long a5 = q[column1 + row + 1];
      long a6 = (long) q[column2 + row + 1] << bit2;
      long a7 = (long) q[column3 + row + 1] << bit3;
      row = Math.min(r + 1, rows - 1) * stride;
      long b0 = q[column0 + row];
      long b1 = q[column1 + row];
      long b2 = (long) q[column2 + row] << bit2;
      long b3 = (long) q[column3 + row] << bit3;
      long b4 = q[column0 + row + 1];
      long b5 = q[column1 + row + 1];
      long b6 = (long) q[column2 + row + 1] << bit2;
      long b7 = (long) q[column3 + row + 1] << bit3;
      int to = r * DOTS;
      for (int c = 0; c < DOTS; c++) {
        long n = words[from + c];
        long field = n & mask0;
        long a = field * a0;
        long b = field * b0;
        field = n >>> position1 & mask1;
        a += field * a1;
        b += field * b1;
        field = n >>> position2 & mask2;
        a += field * a2;
        b += field * b2;
        field = n >>> position3 & mask3;
        a += field * a3;
        b += field * b3;
        n >>>= Short.SIZE;
        field = n & mask0;
        a += field * a4;
        b += field * b4;
        field = n >>> position1 & mask1;
        a += field * a5;
        b += field * b5;
        field = n >>> position2 & mask2;
        a += field * a6;
        b += field * b6;
        field = n >>> position3 & mask3;
        a += field * a7;
        b += field * b7;
        dots[to + c] += a;
        dots[to + DOTS + c] += b;
      }
    }
  }

  private static void scaled(long[] dots, int from, int less, float[] scales, float scale, float[] y, int to) {
    for (int c = 0; c < ROWS; c += 2) {
      long both = dots[from + c / 2];
      int first = (int) both;
      int second = (int) (both - first >> Integer.SIZE);
      y[to + c] = Math.fma(first - less, scales[c] * scale, y[to + c]);
      y[to + c + 1] = Math.fma(second - less, scales[c + 1] * scale, y[to + c + 1]);
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
      case BF12 -> {
        for (int i = 0; i < columns; i += Bf12.COLUMNS) {
          bf12(words, start(format, column + i), floats, i * ROWS);
        }
      }
      case F16 -> {
        for (int i = 0; i < columns; i++) {
          halves(words, (column + i) * 8, Halves.SCALE, floats, i * ROWS);
        }
      }
      default -> {
        int start = start(format, column);
        decode(format, start);
        scales(format, start, true);
        for (int i = 0; i < columns; i += 4) {
          fourColumns(codes, i * ROWS, scales, minima, floats);
        }
      }
    }
  }

  /** Four columns of codes, lifted. */
  private static void bf12(long[] words, int from, float[] out, int to) {
    for (int c = 0; c < 16; c += 2) {
      long n0 = words[from + c / 2];
      long n1 = words[from + 8 + c / 2];
      long n2 = words[from + 16 + c / 2];
      long fourth = n0 >>> 4 & Bf12.FROM_FIRST * BOTH | n1 >>> 8 & Bf12.FROM_SECOND * BOTH
          | n2 << 1 & (Bf12.SIGNS & 0xffffffffL) * BOTH | n2 >>> 11 & Bf12.FROM_THIRD * BOTH;
      codes(n0, out, to + c);
      codes(n1, out, to + ROWS + c);
      codes(n2, out, to + 2 * ROWS + c);
      codes(fourth, out, to + 3 * ROWS + c);
    }
  }

  private static void codes(long n, float[] out, int to) {
    out[to] = Float.intBitsToFloat((int) n << 16 & Bf12.CODE) * Bf12.LIFT;
    out[to + 1] = Float.intBitsToFloat((int) (n >> 16) & Bf12.CODE) * Bf12.LIFT;
    out[to + 16] = Float.intBitsToFloat((int) n & Bf12.CODE) * Bf12.LIFT;
    out[to + 17] = Float.intBitsToFloat((int) (n >> 32) & Bf12.CODE) * Bf12.LIFT;
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

  /** Where the block that begins at a column is in {@link #words}. */
  private static int start(PanelFormat format, int column) {
    return column / format.block() * (format.blockBytes() / Long.BYTES);
  }

  /** Decodes a block to {@link #codes}. */
  private void decode(PanelFormat format, int start) {
    int block = format.block();
    if (format == PanelFormat.I8) {
      for (int g = 0; g < block / 2; g++) {
        bytes(words, start + g * 8, codes, g * 2 * ROWS);
      }
    } else {
      fields(format.fields(), block, start);
    }
  }

  private static void bytes(long[] words, int from, int[] codes, int to) {
    for (int c = 0; c < 16; c += 2) {
      long n = words[from + c / 2];
      int at = to + c;
      codes[at] = (int) n & 255;
      codes[at + 1] = (int) (n >>> 32) & 255;
      codes[at + 16] = (int) (n >>> 16) & 255;
      codes[at + 17] = (int) (n >>> 48) & 255;
      codes[at + ROWS] = (int) (n >>> 8) & 255;
      codes[at + ROWS + 1] = (int) (n >>> 40) & 255;
      codes[at + ROWS + 16] = (int) (n >>> 24) & 255;
      codes[at + ROWS + 17] = (int) (n >>> 56);
    }
  }

  private void fields(Fields fields, int block, int start) {
    Arrays.fill(codes, 0, block * ROWS, 0);
    for (int lane = 0; lane < fields.lanes(); lane++) {
      for (int field = 0; field < Fields.PER_HALF; field++) {
        int bit = fields.codeBit(lane, field);
        field(words, start + lane * DOTS, fields.position(field), fields.mask(field), bit, codes,
            fields.column(lane, field, 0) * ROWS);
      }
    }
  }

  /** The field at {@code position} of both halves of a lane, which belong to neighbouring columns. */
  private static void field(long[] words, int from, int position, long mask, int bit, int[] codes, int to) {
    for (int c = 0; c < ROWS; c += 2) {
      long n = words[from + c / 2] >>> position;
      codes[to + c] |= (int) (n & mask) << bit;
      codes[to + c + 1] |= (int) (n >>> 32 & mask) << bit;
      codes[to + ROWS + c] |= (int) (n >>> 16 & mask) << bit;
      codes[to + ROWS + c + 1] |= (int) (n >>> 48 & mask) << bit;
    }
  }

  /**
   * The scales of the block at {@code start} and the minima after them.
   *
   * @param fromBias without minima, whether to give what code 0 stands for in their place
   */
  private void scales(PanelFormat format, int start, boolean fromBias) {
    int at = start + format.weightBytes() / Long.BYTES;
    halves(words, at, Halves.SCALE, scales, 0);
    if (format.hasMin()) {
      halves(words, at + 8, Halves.SCALE, minima, 0);
    } else if (fromBias) {
      halves(words, at, -format.bias() * Halves.SCALE, minima, 0);
    }
  }

  /** Half floats times a factor over {@link Halves#SCALE}. */
  private static void halves(long[] words, int from, float factor, float[] out, int to) {
    for (int c = 0; c < 16; c += 2) {
      int n = (int) words[from + c / 2];
      out[to + c] = Float.intBitsToFloat(n << 16 >> 3 & Halves.BITS) * factor;
      out[to + 16 + c] = Float.intBitsToFloat(n >> 3 & Halves.BITS) * factor;
      int m = (int) (words[from + c / 2] >>> 32);
      out[to + c + 1] = Float.intBitsToFloat(m << 16 >> 3 & Halves.BITS) * factor;
      out[to + 16 + c + 1] = Float.intBitsToFloat(m >> 3 & Halves.BITS) * factor;
    }
  }
}
