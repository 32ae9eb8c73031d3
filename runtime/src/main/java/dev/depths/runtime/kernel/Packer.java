package dev.depths.runtime.kernel;

import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;

/** Packs matrices into panels of 32 output rows. */
public final class Packer {
  /** Panels start on cache lines. */
  private static final long ALIGNMENT = 64;

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
   * The panel format that keeps a tensor's precision and its size. Codes are kept as they are (those of Q8_0 raised to be
   * unsigned), and so are scales and minima, except that those of the K types, products of a half float and an integer, are
   * rounded to half floats: by 1/2048 of themselves at most, which moves a weight of Q6_K by a thirtieth of a step between
   * codes and smaller codes by less.
   */
  public static PanelFormat formatOf(DType type) {
    return switch (type) {
      case F32 -> PanelFormat.F32;
      case F16 -> PanelFormat.F16;
      case BF16 -> PanelFormat.BF16;
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

  /** Bytes of a packed matrix. */
  public static long bytes(PanelFormat format, int rows, int columns) {
    return Math.multiplyExact(Math.ceilDiv(rows, Panels.ROWS), format.panelBytes(columns));
  }

  /** Memory for a matrix. */
  public static PackedMatrix allocate(PanelFormat format, int rows, int columns, Arena arena) {
    return new PackedMatrix(format, rows, columns, arena.allocate(bytes(format, rows, columns), ALIGNMENT));
  }

  /**
   * Packs a range of panels of a tensor, keeping its quantisation.
   *
   * @param to has the format {@link #formatOf} of the tensor's type and the tensor's shape
   * @param rowOf the tensor's row that becomes a given output row
   * @throws ArithmeticException if a scale or a minimum is beyond a half float's range
   */
  public static void pack(Tensor from, IntUnaryOperator rowOf, PackedMatrix to, int fromPanel, int toPanel) {
    switch (to.format()) {
      case F32 -> packF32((row, out) -> from.dequantize(rowOf.applyAsInt(row), out, 0), to, fromPanel, toPanel);
      case F16, BF16 -> packHalf(from, rowOf, to, fromPanel, toPanel);
      default -> packIntegers(from, rowOf, to, fromPanel, toPanel);
    }
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

  /**
   * Packs a small matrix, row by row in an array: in one loop, for a model may have hundreds of these, and a start has the
   * JIT compile little.
   */
  public static void packF32(float[] rows, PackedMatrix to) {
    int columns = to.columns();
    float[] panels = new float[to.panels() * Panels.ROWS * columns];
    for (int r = 0; r < to.rows(); r++) {
      int panel = r / Panels.ROWS * Panels.ROWS * columns + r % Panels.ROWS;
      for (int i = 0; i < columns; i++) {
        panels[panel + i * Panels.ROWS] = rows[r * columns + i];
      }
    }
    MemorySegment.copy(MemorySegment.ofArray(panels), FLOAT, 0, to.data(), FLOAT, 0, panels.length);
  }

  private static void zeroPadding(float[] panel, int rows) {
    for (int i = rows; rows < Panels.ROWS && i < panel.length; i++) {
      if (i % Panels.ROWS >= rows) {
        panel[i] = 0;
      }
    }
  }

  private static void packHalf(Tensor from, IntUnaryOperator rowOf, PackedMatrix to, int fromPanel, int toPanel) {
    int columns = to.columns();
    short[] panel = new short[Panels.ROWS * columns];
    for (int p = fromPanel; p < toPanel; p++) {
      Arrays.fill(panel, (short) 0);
      for (int r = 0; r < rowsOf(to, p); r++) {
        long offset = from.type().bytes(columns) * rowOf.applyAsInt(p * Panels.ROWS + r);
        int lane = Panels.lane(r);
        for (int i = 0; i < columns; i++) {
          panel[i * Panels.ROWS + lane] = from.data().get(SHORT, offset + 2L * i);
        }
      }
      MemorySegment.copy(panel, 0, to.data(), SHORT, to.offset(p), panel.length);
    }
  }

  private static void packIntegers(Tensor from, IntUnaryOperator rowOf, PackedMatrix to, int fromPanel, int toPanel) {
    PanelFormat format = to.format();
    QuantizedRow row = new QuantizedRow(from, format);
    byte[] panel = new byte[Math.toIntExact(format.panelBytes(to.columns()))];
    MemorySegment panelSegment = MemorySegment.ofArray(panel);
    for (int p = fromPanel; p < toPanel; p++) {
      Arrays.fill(panel, (byte) 0);
      for (int r = 0; r < rowsOf(to, p); r++) {
        row.read(rowOf.applyAsInt(p * Panels.ROWS + r));
        int laneOffset = Short.BYTES * Panels.lane(r);
        for (int b = 0; b < row.scales.length; b++) {
          int block = b * format.blockBytes();
          if (format == PanelFormat.I8) {
            putBytes(row.codes, b * format.block(), panel, block + laneOffset);
          } else {
            putFields(row.codes, b * format.block(), format.fields(), panelSegment, block + r * Integer.BYTES);
          }
          int at = block + format.weightBytes() + laneOffset;
          panelSegment.set(SHORT, at, half(row.scales[b]));
          if (format.hasMin()) {
            panelSegment.set(SHORT, at + Panels.LANE_BYTES, half(row.mins[b]));
          }
        }
      }
      MemorySegment.copy(panelSegment, 0, to.data(), to.offset(p), panel.length);
    }
  }

  private static short half(float scale) {
    short half = Float.floatToFloat16(scale);
    if ((half & 0x7c00) == 0x7c00) {
      throw new ArithmeticException("a block's scale or minimum of " + scale + " is beyond the range of a half float");
    }
    return half;
  }

  private static void putFields(byte[] codes, int from, Fields fields, MemorySegment panel, int at) {
    for (int lane = 0; lane < fields.lanes(); lane++) {
      int packed = 0;
      for (int field = 0; field < Fields.PER_HALF; field++) {
        int mask = (1 << fields.width(field)) - 1;
        int c = from + fields.column(lane, field, 0);
        int low = codes[c] >> fields.codeBit(lane, field) & mask;
        int high = codes[c + 1] >> fields.codeBit(lane, field) & mask;
        packed |= (low | high << Short.SIZE) << fields.position(field);
      }
      panel.set(INT, at + lane * Panels.FLOAT_BYTES, packed);
    }
  }

  private static void putBytes(byte[] codes, int from, byte[] panel, int at) {
    for (int i = 0; i < Panels.BLOCK; i += 2) {
      int o = at + i / 2 * Panels.LANE_BYTES;
      panel[o] = (byte) (codes[from + i] + PanelFormat.I8.bias());
      panel[o + 1] = (byte) (codes[from + i + 1] + PanelFormat.I8.bias());
    }
  }

  private static int rowsOf(PackedMatrix m, int panel) {
    return Math.min(Panels.ROWS, m.rows() - panel * Panels.ROWS);
  }
}
