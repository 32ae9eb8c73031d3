package dev.depths.runtime.kernel;

import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** Packs matrices into panels of 32 output rows. */
public final class Packer {
  /** Panels start on cache lines. */
  private static final long ALIGNMENT = 64;

  /** Rows of which each shares an int with another where a row has 16 bits; see {@link Panels#lane}. */
  private static final int HALF_ROWS = Panels.ROWS / 2;

  /** Ints of one 16-bit lane per row. */
  private static final int LANE_INTS = Panels.LANE_BYTES / Integer.BYTES;

  /** Weights of a row that are looked at before it is packed. */
  private static final int SAMPLE = 64;

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Packer() {}

  /** Rows of a matrix in f32. */
  @FunctionalInterface
  public interface RowSource {
    /** Writes row {@code row} to {@code out}. */
    void read(int row, float[] out);
  }

  /**
   * The panel format that keeps a tensor's precision, and its size but for bfloat16. Codes are kept as they are (those of Q8_0
   * raised to be unsigned), and so are scales and minima, except that those of the K types, products of a half float and an
   * integer, are rounded to half floats: by 1/2048 of themselves at most, which moves a weight of Q6_K by a thirtieth of a step
   * between codes and smaller codes by less.
   */
  public static PanelFormat formatOf(DType type) {
    return switch (type) {
      case F32, BF16 -> PanelFormat.F32;
      case F16 -> PanelFormat.F16;
      case Q4_0 -> PanelFormat.I4;
      case Q4_1, Q4_K -> PanelFormat.I4_MIN;
      case Q5_0 -> PanelFormat.I5;
      case Q5_1, Q5_K -> PanelFormat.I5_MIN;
      case Q8_0 -> PanelFormat.I8;
      case Q2_K -> PanelFormat.I4_16_MIN;
      case Q3_K -> PanelFormat.I4_16;
      case Q6_K -> PanelFormat.I6_16;
    };
  }

  /**
   * The formats that may hold a tensor's weights without loss, the smallest first, its type's own last. Floats of any type
   * are bfloat16 where a model was trained in that, as most are, and that takes 12 bits where a row's weights are of one
   * order, as most are too: a few weights of three rows are looked at for it, the others when they are packed.
   */
  public static List<PanelFormat> formatsOf(Tensor t) {
    PanelFormat own = formatOf(t.type());
    if (own.isInteger()) {
      return List.of(own);
    }
    short[] sample = new short[Math.min(SAMPLE, t.columns())];
    boolean twelveBits = t.columns() % Bf12.COLUMNS == 0;
    for (long row : new long[] {0, t.rows() / 2, t.rows() - 1}) {
      twelveBits = twelveBits && narrow(t, row, sample) && Bf12Panel.holds(sample);
    }
    return twelveBits ? List.of(PanelFormat.BF12, own) : List.of(own);
  }

  /** The first weights of a row in bfloat16; false if some are none. Copied as bytes: one by one they are slow at a start. */
  private static boolean narrow(Tensor from, long row, short[] out) {
    byte[] bytes = new byte[Math.toIntExact(from.type().bytes(out.length))];
    from.copy(from.type().bytes(from.columns()) * row, bytes, 0, bytes.length);
    ByteBuffer weights = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int lost = 0;
    for (int i = 0; i < out.length; i++) {
      int bits = switch (from.type()) {
        case BF16 -> weights.getShort() << Short.SIZE;
        case F16 -> Float.floatToRawIntBits(Float.float16ToFloat(weights.getShort()));
        default -> weights.getInt();
      };
      out[i] = (short) (bits >> Short.SIZE);
      lost |= bits << Short.SIZE;
    }
    return lost == 0;
  }

  /** Bytes of a packed matrix. */
  public static long bytes(PanelFormat format, int rows, int columns) {
    return format.matrixBytes(Math.ceilDiv(rows, Panels.ROWS), columns);
  }

  /** Memory for a matrix. */
  public static PackedMatrix allocate(PanelFormat format, int rows, int columns, Arena arena) {
    return new PackedMatrix(format, rows, columns, arena.allocate(bytes(format, rows, columns), ALIGNMENT));
  }

  /**
   * Packs a range of panels of a tensor, keeping its quantisation if the format is its own.
   *
   * @param to has one of the {@link #formatsOf} the tensor, or f32, and the tensor's shape
   * @param rowOf the tensor's row that becomes a given output row
   * @return false if the format does not hold the weights as they are
   * @throws ArithmeticException if a scale or a minimum is beyond a half float's range
   */
  public static boolean pack(Tensor from, IntUnaryOperator rowOf, PackedMatrix to, int fromPanel, int toPanel) {
    switch (to.format()) {
      case F32 -> packF32((row, out) -> from.dequantize(rowOf.applyAsInt(row), out, 0), to, fromPanel, toPanel);
      case F16 -> packF16(from, rowOf, to, fromPanel, toPanel);
      case BF12 -> {
        return packBf12(from, rowOf, to, fromPanel, toPanel);
      }
      default -> packIntegers(from, rowOf, to, fromPanel, toPanel);
    }
    return true;
  }

  /** Packs a range of panels of f32 rows. */
  public static void packF32(RowSource from, PackedMatrix to, int fromPanel, int toPanel) {
    float[] row = new float[to.columns()];
    float[] panel = new float[Panels.ROWS * to.columns()];
    MemorySegment panelSegment = MemorySegment.ofArray(panel);
    for (int p = fromPanel; p < toPanel; p++) {
      for (int r = 0; r < rowsOf(to, p); r++) {
        from.read(p * Panels.ROWS + r, row);
        for (int i = 0; i < row.length; i++) {
          panel[i * Panels.ROWS + r] = row[i];
        }
      }
      zeroPadding(panel, rowsOf(to, p));
      MemorySegment.copy(panelSegment, FLOAT, 0, to.data(), FLOAT, to.offset(p), panel.length);
    }
  }

  private static void zeroPadding(float[] panel, int rows) {
    for (int i = rows; rows < Panels.ROWS && i < panel.length; i++) {
      if (i % Panels.ROWS >= rows) {
        panel[i] = 0;
      }
    }
  }

  private static void halves(Tensor from, int row, short[] out) {
    MemorySegment.copy(from.data(), SHORT, from.type().bytes(out.length) * row, out, 0, out.length);
  }

  private static void packF16(Tensor from, IntUnaryOperator rowOf, PackedMatrix to, int fromPanel, int toPanel) {
    short[] row = new short[to.columns()];
    short[] panel = new short[Panels.ROWS * to.columns()];
    for (int p = fromPanel; p < toPanel; p++) {
      Arrays.fill(panel, (short) 0);
      for (int r = 0; r < rowsOf(to, p); r++) {
        halves(from, rowOf.applyAsInt(p * Panels.ROWS + r), row);
        int lane = Panels.lane(r);
        for (int i = 0; i < row.length; i++) {
          panel[i * Panels.ROWS + lane] = row[i];
        }
      }
      MemorySegment.copy(panel, 0, to.data(), SHORT, to.offset(p), panel.length);
    }
  }

  private static boolean packBf12(Tensor from, IntUnaryOperator rowOf, PackedMatrix to, int fromPanel, int toPanel) {
    short[] row = new short[to.columns()];
    Bf12Panel panel = new Bf12Panel(row.length);
    for (int p = fromPanel; p < toPanel; p++) {
      panel.clear();
      for (int r = 0; r < rowsOf(to, p); r++) {
        if (!brainFloats(from, rowOf.applyAsInt(p * Panels.ROWS + r), row) || !panel.put(r, row)) {
          return false;
        }
      }
      panel.write(to, p);
    }
    return true;
  }

  /** A row of floats of any type in bfloat16; false if some are none. */
  private static boolean brainFloats(Tensor from, int row, short[] out) {
    if (from.type() == DType.BF16) {
      halves(from, row, out);
      return true;
    }
    float[] floats = new float[out.length];
    from.dequantize(row, floats, 0);
    int lost = 0;
    for (int i = 0; i < out.length; i++) {
      int bits = Float.floatToRawIntBits(floats[i]);
      out[i] = (short) (bits >> Short.SIZE);
      lost |= bits << Short.SIZE;
    }
    return lost == 0;
  }

  private static void packIntegers(Tensor from, IntUnaryOperator rowOf, PackedMatrix to, int fromPanel, int toPanel) {
    PanelFormat format = to.format();
    QuantizedRow row = new QuantizedRow(from, format);
    int[] panel = new int[Math.toIntExact(format.panelBytes(to.columns()) / Integer.BYTES)];
    for (int p = fromPanel; p < toPanel; p++) {
      Arrays.fill(panel, 0);
      for (int r = 0; r < rowsOf(to, p); r++) {
        row.read(rowOf.applyAsInt(p * Panels.ROWS + r));
        if (format == PanelFormat.I8) {
          putBytes(row.codes, r, panel);
        } else {
          putFields(row.codes, format, r, panel);
        }
        int scales = format.weightBytes() / Integer.BYTES;
        putHalves(row.scales, format, r, panel, scales);
        if (format.hasMin()) {
          putHalves(row.mins, format, r, panel, scales + LANE_INTS);
        }
      }
      MemorySegment.copy(panel, 0, to.data(), INT, to.offset(p), panel.length);
    }
  }

  // Small loops over arrays, soon compiled: a first load has no time for the JIT to take in all of a panel at once.

  /** One row's scales or minima, a half float to each block. */
  private static void putHalves(float[] values, PanelFormat format, int row, int[] panel, int from) {
    int shift = shift(row);
    int at = from + row % HALF_ROWS;
    int blockInts = format.blockBytes() / Integer.BYTES;
    for (int b = 0; b < values.length; b++) {
      panel[at + b * blockInts] |= (half(values[b]) & 0xffff) << shift;
    }
  }

  private static short half(float scale) {
    short half = Float.floatToFloat16(scale);
    if ((half & 0x7c00) == 0x7c00) {
      throw new ArithmeticException("a block's scale or minimum of " + scale + " is beyond the range of a half float");
    }
    return half;
  }

  private static void putFields(byte[] codes, PanelFormat format, int row, int[] panel) {
    Fields fields = format.fields();
    int blockInts = format.blockBytes() / Integer.BYTES;
    for (int lane = 0; lane < fields.lanes(); lane++) {
      for (int field = 0; field < Fields.PER_HALF; field++) {
        putField(codes, fields.column(lane, field, 0), format.block(), fields.codeBit(lane, field),
            (1 << fields.width(field)) - 1, fields.position(field), panel, row + lane * Panels.ROWS, blockInts);
      }
    }
  }

  /** One field of the low and the high half of a lane, in all blocks of a row. */
  private static void putField(byte[] codes, int column, int block, int bit, int mask, int position, int[] panel, int at,
      int blockInts) {
    for (int c = column, o = at; c < codes.length; c += block, o += blockInts) {
      panel[o] |= (codes[c] >> bit & mask | (codes[c + 1] >> bit & mask) << Short.SIZE) << position;
    }
  }

  /** One row's bytes, two columns to a 16-bit lane. */
  private static void putBytes(byte[] codes, int row, int[] panel) {
    int shift = shift(row);
    int blockInts = PanelFormat.I8.blockBytes() / Integer.BYTES;
    int bias = PanelFormat.I8.bias();
    for (int b = 0, from = 0; from < codes.length; b++, from += Panels.BLOCK) {
      int at = b * blockInts + row % HALF_ROWS;
      for (int i = from; i < from + Panels.BLOCK; i += 2, at += LANE_INTS) {
        panel[at] |= (codes[i] + bias & 0xff | (codes[i + 1] + bias & 0xff) << Byte.SIZE) << shift;
      }
    }
  }

  /** Where a row's 16-bit lane begins in the int that it shares with the row {@code HALF_ROWS} before or after it. */
  private static int shift(int row) {
    return row < HALF_ROWS ? 0 : Short.SIZE;
  }

  private static int rowsOf(PackedMatrix m, int panel) {
    return Math.min(Panels.ROWS, m.rows() - panel * Panels.ROWS);
  }
}
