package dev.depths.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Products with panels: vectors against the plain loops, every format, over ragged sizes. */
@Tag("kernels")
class PanelsTest {
  /** After the first, a four, a pair and threes of them, and a single one more. */
  private static final int PANELS = 8;
  private static final int LDY = PANELS * 32 + 8;
  private static final int MAX_ROWS = 30;

  private final Kernels scalar = new ScalarKernels();
  private final Kernels vector = new VectorKernels();

  static int[] columns() {
    return Widths.columns();
  }

  /**
   * All heights of the register tile and their sums. A row's result has the same bits whatever rows it shares the pass
   * with, on which prefill in chunks and decode agree.
   */
  @ParameterizedTest
  @MethodSource("columns")
  void panelF32(int k) {
    Random random = new Random(k);
    int panel = 1;
    PackedMatrix w = RandomPanels.real(PanelFormat.F32, 2, k, random);
    int ldx = k + 3;
    float[] x = gaussian(random, MAX_ROWS * ldx + 2);
    int ldy = 35;
    float[] before = gaussian(random, MAX_ROWS * ldy + 5);
    for (boolean accumulate : new boolean[] {false, true}) {
      float[] expected = before.clone();
      scalar.panelF32(w.data(), w.offset(panel), k, x, 2, ldx, MAX_ROWS, expected, 5, ldy, accumulate);
      float[] alone = before.clone();
      for (int r = 0; r < MAX_ROWS; r++) {
        vector.panelF32(w.data(), w.offset(panel), k, x, 2 + r * ldx, ldx, 1, alone, 5 + r * ldy, ldy, accumulate);
      }
      assertArrayEquals(expected, alone, 1e-5f * k);
      for (int rows = 2; rows <= MAX_ROWS; rows++) {
        float[] together = before.clone();
        vector.panelF32(w.data(), w.offset(panel), k, x, 2, ldx, rows, together, 5, ldy, accumulate);
        int end = 5 + (rows - 1) * ldy + 32;
        int all = rows;
        assertEquals(-1, Arrays.mismatch(together, 0, end, alone, 0, end), () -> all + " rows differ from one by one");
        assertEquals(-1, Arrays.mismatch(together, end, before.length, before, end, before.length), "written beyond");
      }
    }
  }

  /** Groups of rows that are interleaved, and what is left over: the bits of rows that are not, from any column on. */
  @ParameterizedTest
  @MethodSource("columns")
  void panelF32OfInterleavedRows(int k) {
    Random random = new Random(k);
    int group = Activations.GROUP;
    int skipped = 32;
    PackedMatrix w = RandomPanels.real(PanelFormat.F32, 2, k, random);
    Activations x = new Activations(3 * group + 5, skipped + k, 1);
    System.arraycopy(gaussian(random, x.f32.length), 0, x.f32, 0, x.f32.length);
    int rows = x.f32.length / x.stride - group;
    int ldy = 35;
    float[] before = gaussian(random, rows * ldy + 5);
    for (Kernels kernels : new Kernels[] {vector, new LoopKernels()}) {
      for (boolean accumulate : new boolean[] {false, true}) {
        x.setInterleaved(false);
        float[] expected = before.clone();
        kernels.panelF32(w.data(), w.offset(1), x, skipped, k, group, rows, expected, 5, ldy, accumulate);
        x.setInterleaved(true);
        kernels.interleave(x.f32, 0, x.stride, x.stride, x, 0, 0, 3 * group);
        float[] actual = before.clone();
        kernels.panelF32(w.data(), w.offset(1), x, skipped, k, group, rows, actual, 5, ldy, accumulate);
        assertArrayEquals(bits(expected), bits(actual));
      }
    }
  }

  /** Vectors and loops put interleaved rows in the same places, and leave the others alone. */
  @ParameterizedTest
  @ValueSource(ints = {32, 96})
  void interleave(int columns) {
    Random random = new Random(columns);
    float[] rows = gaussian(random, 8 * (columns + 3) + 2);
    Activations x = new Activations(20, columns + 64, 1);
    x.setInterleaved(true);
    vector.interleave(rows, 2, columns + 3, columns, x, 32, 12, 8);
    float[] expected = new float[x.interleaved().length];
    for (int r = 0; r < 8; r++) {
      for (int i = 0; i < columns; i++) {
        expected[(12 + r) / 2 * 2 * x.stride + 2 * (32 + i) + r % 2] = rows[2 + r * (columns + 3) + i];
      }
    }
    assertArrayEquals(expected, x.interleaved());
    Activations y = new Activations(20, columns + 64, 1);
    y.setInterleaved(true);
    new LoopKernels().interleave(rows, 2, columns + 3, columns, y, 32, 12, 8);
    assertArrayEquals(expected, y.interleaved());
  }

  /** Fused with the conversion or unpacked first: the same bits, for any number of rows. */
  @ParameterizedTest
  @MethodSource("columns")
  void panelF16(int k) {
    Random random = new Random(k);
    PackedMatrix w = RandomPanels.real(PanelFormat.F16, 2, k, random);
    long panel = w.offset(1);
    int ldx = k + 3;
    int most = 9;
    float[] x = gaussian(random, most * ldx + 2);
    int ldy = 35;
    float[] before = gaussian(random, most * ldy + 5);
    MemorySegment unpacked = Arena.ofAuto().allocate(128L * k, 64);
    MemorySegment unpackedByLoops = Arena.ofAuto().allocate(128L * k, 64);
    vector.unpackF16(w.data(), panel, k, unpacked);
    scalar.unpackF16(w.data(), panel, k, unpackedByLoops);
    assertEquals(-1, unpacked.mismatch(unpackedByLoops));
    for (boolean accumulate : new boolean[] {false, true}) {
      for (int rows = 1; rows <= most; rows++) {
        float[] defined = before.clone();
        scalar.panelF16(w.data(), panel, k, x, 2, ldx, rows, defined, 5, ldy, accumulate);
        float[] expected = before.clone();
        vector.panelF32(unpacked, 0, k, x, 2, ldx, rows, expected, 5, ldy, accumulate);
        float[] actual = before.clone();
        vector.panelF16(w.data(), panel, k, x, 2, ldx, rows, actual, 5, ldy, accumulate);
        assertArrayEquals(bits(expected), bits(actual), rows + " rows");
        assertArrayEquals(defined, actual, 1e-5f * k);
      }
    }
  }

  /** Half floats are scaled on the way to floats, which must leave activations room to the end of their range. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16"})
  void panelGemvOfLargeActivations(PanelFormat format) {
    PackedMatrix w = RandomPanels.real(format, PANELS, 5, new Random(1));
    Activations x = new Activations(5, 5, 5);
    for (int row = 0; row < 5; row++) {
      x.f32[row * x.stride + row] = 1e30f;
    }
    assertArrayEquals(gemv(scalar, w, x, 0, 5), gemv(vector, w, x, 0, 5));
  }

  /** With weights, minima and activations that are integers all sums are exact, so they must agree in every bit. */
  @ParameterizedTest
  @EnumSource
  void panelGemvIsExactOnIntegers(PanelFormat format) {
    for (int columns : gemvColumns(format)) {
      Random random = new Random(columns);
      PackedMatrix w = RandomPanels.integral(format, PANELS, columns, random);
      Activations x = new Activations(5, columns, 5);
      for (int row = 0; row < 5; row++) {
        integers(x, format, row, random);
      }
      for (int rows : new int[] {1, 2, 3, 5}) {
        assertArrayEquals(gemv(scalar, w, x, 0, rows), gemv(vector, w, x, 0, rows),
            rows + " rows, " + format + " of " + columns + " columns");
      }
    }
  }

  /** As large in each column as the kernels' sums allow, or anything smaller. */
  private static int largest(PanelFormat format, int row, int column, Random random) {
    if (row == 4) {
      return 1 + random.nextInt(30);
    }
    ActivationRange range = format.activationRange();
    if (range.pairSum() < 256) {
      // The other of a pair gets what the pair may have in all.
      return range.pairSum() / 2 + (column + 1) % 2;
    }
    return Math.min(100, Math.min(range.blockSum() / 32, range.halfSum() / 16));
  }

  /** Activations of scale 1, written without quantising: rows of one value come nearest to overflow. */
  private static void integers(Activations x, PanelFormat format, int row, Random random) {
    int q = row * x.stride;
    for (int i = 0; i < x.columns; i++) {
      int most = largest(format, row, i, random);
      int value = switch (row) {
        case 0 -> most;
        case 1 -> -most;
        case 2 -> i % 2 == 0 ? most : -most;
        default -> random.nextInt(2 * most + 1) - most;
      };
      x.f32[q + i] = value;
      if (q + i < x.q.length) {
        x.q[q + i] = (short) value;
        x.sums[(q + i) / 16] += value;
        x.scales[(q + i) / 32] = 1;
      }
    }
    if (q < x.q.length) {
      x.multipliers(q, q + x.columns, format.activationRange().weightBits());
    }
  }

  @ParameterizedTest
  @EnumSource
  void panelGemv(PanelFormat format) {
    for (int columns : gemvColumns(format)) {
      Random random = new Random(columns);
      PackedMatrix w = RandomPanels.real(format, PANELS, columns, random);
      Activations x = new Activations(5, columns, 5);
      for (int row = 0; row < 5; row++) {
        for (int i = 0; i < columns; i++) {
          x.f32[row * x.stride + i] = (float) random.nextGaussian();
        }
        quantize(format, x, row);
      }
      // Codes are up to 128 times their scale.
      float bound = 1e-5f * columns * (format.isInteger() ? 128 : 1);
      for (int row = 0; row < 3; row++) {
        for (int rows = 1; row + rows <= 5; rows++) {
          assertArrayEquals(gemv(scalar, w, x, row, rows), gemv(vector, w, x, row, rows), bound,
              format + " of " + columns + " columns");
        }
      }
    }
  }

  /** The whole of the second panel, or columns from the middle of it. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "F32")
  void unpack(PanelFormat format) {
    for (int columns : gemvColumns(format)) {
      PackedMatrix w = RandomPanels.real(format, 2, columns, new Random(columns));
      int blocks = columns / format.block();
      for (int from : new int[] {0, blocks / 2, blocks - 1}) {
        int column = from * format.block();
        float[] expected = unpack(scalar, w, column, columns - column);
        float[] actual = unpack(vector, w, column, columns - column);
        assertArrayEquals(bits(expected), bits(actual), format + " from column " + column + " of " + columns);
      }
    }
  }

  private static int[] gemvColumns(PanelFormat format) {
    if (format.isInteger()) {
      return Widths.EMULATED ? new int[] {32, 96, 256} : new int[] {32, 64, 96, 128, 160, 256, 512};
    }
    int[] columns = Widths.EMULATED ? new int[] {1, 2, 5, 33} : IntStream.rangeClosed(1, 70).toArray();
    return format == PanelFormat.BF12 ? IntStream.of(columns).map(n -> 4 * n).toArray() : columns;
  }

  private void quantize(PanelFormat format, Activations x, int row) {
    if (format.isInteger()) {
      scalar.quantize(x, row, 0, x.columns, format.activationRange());
    }
  }

  /** Results of the second panel to the last, and around them what was there before. */
  private static float[] gemv(Kernels kernels, PackedMatrix w, Activations x, int row, int rows) {
    float[] y = new float[rows * LDY + 7];
    Arrays.fill(y, -5);
    kernels.panelsGemv(w, 1, PANELS, x, row, rows, y, 7, LDY);
    return y;
  }

  private static float[] unpack(Kernels kernels, PackedMatrix w, int column, int columns) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(columns * 128L, 64);
      kernels.unpack(w, 1, column, columns, out);
      return out.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private static int[] bits(float[] x) {
    return IntStream.range(0, x.length).map(i -> Float.floatToRawIntBits(x[i])).toArray();
  }

  private static float[] gaussian(Random random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }
}
