package dev.depths.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Loops against vectors: every bit, so that a text does not depend on when the compiler was ready. */
@Tag("kernels")
class LoopKernelsTest {
  private static final int ROWS = 7;

  private final Kernels loops = new LoopKernels();
  private final Kernels vectors = new VectorKernels();

  /** What a kernel leaves in an array that holds the same before. */
  @FunctionalInterface
  private interface Call {
    void run(Kernels kernels, float[] y);
  }

  static int[] lengths() {
    return Widths.lengths();
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void elementwise(int n) {
    Random random = new Random(n);
    float[] a = gaussian(random, n + 3);
    float[] b = gaussian(random, n + 3);
    float[] before = gaussian(random, n + 9);
    same(before, (k, y) -> y[0] = k.dot(a, 3, b, 1, n));
    same(before, (k, y) -> y[0] = k.logSumExp(a, 2, n));
    same(before, (k, y) -> k.softmax(y, 5, n, 0.3f));
    same(before, (k, y) -> k.siluMultiply(y, 4, a, 1, n));
    same(before, (k, y) -> k.rmsNorm(a, 2, n, b, 1e-5f, y, 5));
    same(before, (k, y) -> k.rotate(y, 3, a, b, 1, n / 2));
    same(before, (k, y) -> k.add(y, 5, a, 1, n));
    same(before, (k, y) -> k.scale(y, 5, n, 0.7f));
  }

  @Test
  void quantize() {
    for (PanelFormat format : PanelFormat.values()) {
      if (format.isInteger()) {
        Activations x = activations(ROWS, 96, new Random(1));
        Activations y = activations(ROWS, 96, new Random(1));
        for (int r = 0; r < ROWS; r++) {
          loops.quantize(x, r, 0, 96, format.activationRange());
          vectors.quantize(y, r, 0, 96, format.activationRange());
        }
        assertArrayEquals(y.q, x.q);
        assertArrayEquals(y.sums, x.sums);
        assertArrayEquals(y.multipliers(format.bits()), x.multipliers(format.bits()));
        assertArrayEquals(bits(y.scales), bits(x.scales));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void panelF32(int k) {
    Random random = new Random(k);
    PackedMatrix w = RandomPanels.real(PanelFormat.F32, 2, k, random);
    float[] x = gaussian(random, ROWS * (k + 3));
    float[] before = gaussian(random, ROWS * 40 + 5);
    for (boolean accumulate : new boolean[] {false, true}) {
      same(before, (kernels, y) ->
          kernels.panelF32(w.data(), w.offset(1), k, x, 2, k + 3, ROWS - 1, y, 5, 40, accumulate));
    }
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void panelF16(int k) {
    Random random = new Random(k);
    PackedMatrix w = RandomPanels.real(PanelFormat.F16, 2, k, random);
    float[] x = gaussian(random, ROWS * (k + 3));
    float[] before = gaussian(random, ROWS * 40 + 5);
    for (boolean accumulate : new boolean[] {false, true}) {
      same(before, (kernels, y) ->
          kernels.panelF16(w.data(), w.offset(1), k, x, 2, k + 3, ROWS - 1, y, 5, 40, accumulate));
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(k * 128L, 64);
      same(new float[k * 32], (kernels, y) -> {
        kernels.unpackF16(w.data(), w.offset(1), k, out);
        MemorySegment.copy(out, ValueLayout.JAVA_FLOAT, 0, y, 0, y.length);
      });
    }
  }

  @ParameterizedTest
  @EnumSource
  void panels(PanelFormat format) {
    // Of formats without blocks not all widths fill a register tile; the longest exceeds what is copied at a time.
    int[] wholeBlocks = format == PanelFormat.BF12 ? new int[] {4, 36, 64, 1032} : new int[] {32, 96, 1056};
    for (int columns : format.block() > 1 ? wholeBlocks : new int[] {1, 7, 33, 64, 1030}) {
      Random random = new Random(columns);
      PackedMatrix w = RandomPanels.real(format, 2, columns, random);
      int most = format.isInteger() ? Kernels.MOST_GEMV_ROWS : Kernels.gemvRows(format);
      Activations x = activations(most + 1, columns, random);
      for (int r = 0; r <= most && format.isInteger(); r++) {
        vectors.quantize(x, r, 0, columns, format.activationRange());
      }
      float[] before = gaussian(random, most * 40 + 5);
      for (int rows : new int[] {1, Math.min(5, most), most}) {
        same(before, (k, y) -> k.panelsGemv(w, 1, 2, x, 1, rows, y, 5, 40));
      }
      if (format != PanelFormat.F32) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment out = arena.allocate(columns * 128L, 64);
          same(new float[columns * 32], (k, y) -> {
            k.unpack(w, 1, 0, columns, out);
            MemorySegment.copy(out, ValueLayout.JAVA_FLOAT, 0, y, 0, y.length);
          });
          MemorySegment scratch = arena.allocate(64 * 128L, 64);
          same(before, (k, y) -> k.panelGemm(w, 1, x, 1, most, scratch, y, 5, 40));
        }
      }
    }
  }

  /** So wide that few rows pass over a few panels at a time. */
  @ParameterizedTest
  @EnumSource(names = "I.*|BF12", mode = EnumSource.Mode.MATCH_ALL)
  void widePanels(PanelFormat format) {
    int columns = Widths.EMULATED ? 2048 : 8192;
    int panels = 8;
    int ldy = panels * Panels.ROWS;
    Random random = new Random(columns);
    PackedMatrix w = RandomPanels.real(format, panels, columns, random);
    Activations x = activations(7, columns, random);
    for (int r = 0; r < 7 && format.isInteger(); r++) {
      vectors.quantize(x, r, 0, columns, format.activationRange());
    }
    float[] before = gaussian(random, 6 * ldy + 5);
    for (int rows : new int[] {1, 2, 3, 5, 6}) {
      same(before, (k, y) -> k.panelsGemv(w, 1, panels, x, 1, rows, y, 5, ldy));
    }
  }

  private void same(float[] before, Call call) {
    float[] expected = before.clone();
    call.run(vectors, expected);
    float[] actual = before.clone();
    call.run(loops, actual);
    assertArrayEquals(bits(expected), bits(actual));
  }

  private static Activations activations(int rows, int columns, Random random) {
    Activations x = new Activations(rows, columns, rows);
    for (int r = 0; r < rows; r++) {
      System.arraycopy(gaussian(random, columns), 0, x.f32, r * x.stride, columns);
    }
    return x;
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
