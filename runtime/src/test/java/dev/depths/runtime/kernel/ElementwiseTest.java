package dev.depths.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Norms, rotations, sums, exponentials and quantisation: vectors against the plain loops, over ragged lengths. */
@Tag("kernels")
class ElementwiseTest {
  /** Of exponentials, relative; below the least normal float there is no relative error to speak of. */
  private static final double EXP = 2e-6;
  private static final double NOTHING = 1e-34;

  private final Kernels scalar = new ScalarKernels();
  private final Kernels vector = new VectorKernels();

  static int[] lengths() {
    return Widths.lengths();
  }

  @Test
  void vectorsAreAsWideAsAsked() {
    assertEquals(Integer.getInteger("depths.vectorBits", Simd.BITS), Simd.BITS);
    assertEquals("Vector API, " + Simd.BITS + " bits", vector.describe());
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void dot(int n) {
    Random random = new Random(n);
    float[] a = gaussian(random, n + 3);
    float[] b = gaussian(random, n + 1);
    assertEquals(scalar.dot(a, 3, b, 1, n), vector.dot(a, 3, b, 1, n), 1e-5 * n);
  }

  /** From the first call, interpreted, to the last, compiled, and in the order that is promised. */
  @Test
  void sumsDoNotDependOnTheCompiler() {
    int n = Simd.LANES;
    // Two vectors are a turn of the loop; the second is zero.
    float[] x = new float[2 * n];
    float[] ones = new float[2 * n];
    for (int i = 0; i < n; i++) {
      // Each order gives another result.
      x[i] = (i % 2 == 0 ? 1 : -1) * (float) Math.pow(3, 2 * i);
      ones[i] = 1;
    }
    float[] folded = x.clone();
    for (int half = n / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        folded[i] += folded[i + half];
      }
    }
    for (int i = 0; i < (Widths.EMULATED ? 100 : 50_000); i++) {
      assertEquals(folded[0], vector.dot(x, 0, ones, 0, 2 * n));
    }
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void addAndScale(int n) {
    Random random = new Random(n);
    float[] x = gaussian(random, n + 2);
    float[] expected = gaussian(random, n + 10);
    float[] actual = expected.clone();
    scalar.add(expected, 5, x, 2, n);
    vector.add(actual, 5, x, 2, n);
    assertArrayEquals(expected, actual);
    scalar.scale(expected, 5, n, 0.3f);
    vector.scale(actual, 5, n, 0.3f);
    assertArrayEquals(expected, actual);
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void rmsNorm(int n) {
    Random random = new Random(n);
    float[] x = gaussian(random, n + 2);
    float[] weight = gaussian(random, n);
    float[] expected = gaussian(random, n + 9);
    float[] actual = expected.clone();
    scalar.rmsNorm(x, 2, n, weight, 1e-5f, expected, 4);
    vector.rmsNorm(x, 2, n, weight, 1e-5f, actual, 4);
    assertArrayEquals(expected, actual, 1e-5f);
    float[] inPlace = x.clone();
    vector.rmsNorm(inPlace, 2, n, weight, 1e-5f, inPlace, 2);
    for (int i = 0; i < n; i++) {
      assertEquals(actual[4 + i], inPlace[2 + i]);
    }
    assertEquals(x[1], inPlace[1]);
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void rotate(int pairs) {
    Random random = new Random(pairs);
    float[] cos = gaussian(random, pairs + 5);
    float[] sin = gaussian(random, pairs + 5);
    float[] expected = gaussian(random, 2 * pairs + 8);
    float[] actual = expected.clone();
    scalar.rotate(expected, 3, cos, sin, 5, pairs);
    vector.rotate(actual, 3, cos, sin, 5, pairs);
    assertArrayEquals(expected, actual, 1e-5f);
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void siluMultiply(int n) {
    Random random = new Random(n);
    float[] expected = gaussian(random, n + 9);
    for (int i = 0; i < expected.length; i++) {
      // From ordinary to far out, where e^x leaves the floats.
      expected[i] *= random.nextInt(4) == 0 ? 100 : 3;
    }
    float[] up = gaussian(random, n + 1);
    float[] actual = expected.clone();
    scalar.siluMultiply(expected, 6, up, 1, n);
    vector.siluMultiply(actual, 6, up, 1, n);
    assertRelative(expected, actual, EXP);
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void softmax(int n) {
    Random random = new Random(n);
    float[] expected = gaussian(random, n + 9);
    for (int i = 0; i < expected.length; i++) {
      expected[i] *= random.nextInt(8) == 0 ? 300 : 10;
    }
    float[] actual = expected.clone();
    scalar.softmax(expected, 4, n, 0.125f);
    vector.softmax(actual, 4, n, 0.125f);
    assertRelative(expected, actual, EXP);
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += actual[4 + i];
    }
    assertEquals(1, sum, 1e-5);
  }

  /** All alike: the largest sum of rounding errors. */
  @ParameterizedTest
  @MethodSource("lengths")
  void softmaxOfEqualValues(int n) {
    float[] x = new float[n];
    Arrays.fill(x, 7);
    vector.softmax(x, 0, n, 1);
    for (float p : x) {
      assertEquals(1.0 / n, p, EXP / n);
    }
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void logSumExp(int n) {
    Random random = new Random(n);
    float[] x = gaussian(random, n + 9);
    vector.scale(x, 0, x.length, 5);
    double expected = scalar.logSumExp(x, 4, n);
    assertEquals(expected, vector.logSumExp(x, 4, n), EXP * Math.max(1, Math.abs(expected)));
  }

  @Test
  void exponentialsKeepWithinTheFloats() {
    float[] gates =
        {-1e30f, -1000, -88.5f, -87, -0f, 0, 1e-20f, 87, 88.5f, 1000, 1e30f, Float.MAX_VALUE, -200, 3, 2, 1};
    float[] ones = new float[gates.length];
    Arrays.fill(ones, 1);
    float[] expected = gates.clone();
    float[] actual = gates.clone();
    scalar.siluMultiply(expected, 0, ones, 0, gates.length);
    vector.siluMultiply(actual, 0, ones, 0, gates.length);
    // From -88 down silu is as good as zero, but e^88 is not infinite: what is left of -1e30 is small beside it only.
    assertTrue(Math.abs(actual[0]) < 1e-7 && expected[0] == 0);
    actual[0] = expected[0];
    assertRelative(expected, actual, EXP);
  }

  @ParameterizedTest
  @MethodSource("lengths")
  void quantize(int blocks) {
    int columns = 32 * Math.min(blocks, 70);
    Random random = new Random(blocks);
    Activations expected = new Activations(2, columns, 2);
    Activations actual = new Activations(2, columns, 2);
    for (int i = 0; i < expected.f32.length; i++) {
      // A block is ordinary, zero, too small for a reciprocal, huge, or full of ties.
      expected.f32[i] = switch (i / 32 % 6) {
        case 0 -> 0;
        case 1 -> 1e-36f * random.nextFloat();
        case 2 -> 1e30f * (2 * random.nextFloat() - 1);
        case 3 -> i % 32 == 0 ? 127 : random.nextInt(253) / 2f - 63;
        default -> (float) random.nextGaussian();
      };
    }
    System.arraycopy(expected.f32, 0, actual.f32, 0, actual.f32.length);
    List<ActivationRange> ranges = new ArrayList<>();
    for (PanelFormat format : PanelFormat.values()) {
      if (format.isInteger()) {
        ranges.add(format.activationRange());
      }
    }
    ranges.add(ranges.stream().reduce(ActivationRange.ANY, ActivationRange::and));
    for (ActivationRange range : ranges) {
      for (int row = 0; row < 2; row++) {
        // In two goes: whole blocks may be quantised apart.
        int first = columns / 64 * 32;
        scalar.quantize(expected, row, 0, columns, range);
        vector.quantize(actual, row, 0, first, range);
        vector.quantize(actual, row, first, columns - first, range);
      }
      assertArrayEquals(expected.q, actual.q);
      assertArrayEquals(expected.sums, actual.sums);
      assertArrayEquals(expected.scales, actual.scales);
      assertFitsSums(actual, range);
      for (int i = 0; i < actual.q.length; i++) {
        // Half a step, and the last bits of the product.
        double step = actual.scales[i / 32];
        assertEquals(actual.f32[i], actual.q[i] * step, 0.5 * step * (1 + 2e-3) + 1e-30);
      }
    }
  }

  /** What the kernels' 16-bit sums rely on. */
  private static void assertFitsSums(Activations x, ActivationRange range) {
    for (int b = 0; b < x.q.length; b += 32) {
      int sum = 0;
      for (int h = b; h < b + 32; h += 16) {
        int half = 0;
        for (int i = h; i < h + 16; i += 2) {
          int pair = Math.abs(x.q[i]) + Math.abs(x.q[i + 1]);
          assertTrue(pair <= range.pairSum());
          half += pair;
        }
        assertTrue(half <= range.halfSum());
        sum += half;
      }
      assertTrue(sum <= range.blockSum());
    }
  }

  private static float[] gaussian(Random random, int n) {
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }

  private static void assertRelative(float[] expected, float[] actual, double relative) {
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], relative * Math.abs(expected[i]) + NOTHING, "element " + i);
    }
  }
}
