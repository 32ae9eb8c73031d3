package dev.depths.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import dev.depths.runtime.RandomTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Packing and unpacking a tensor gives what the loader's dequantisation gives, rows permuted and padded as asked. */
@Tag("kernels")
class PackerTest {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  static Stream<Arguments> typesAndRows() {
    return Stream.of(DType.values())
        .flatMap(type -> IntStream.of(1, 31, 32, 33, 70).mapToObj(rows -> Arguments.of(type, rows)));
  }

  @ParameterizedTest
  @MethodSource("typesAndRows")
  void unpacksToWhatWasPacked(DType type, int rows) {
    Random random = new Random(rows);
    int columns = type.blockSize() * (Widths.EMULATED ? 1 : 3);
    // More rows in the tensor than are packed: the permutation reaches them all.
    Tensor tensor = RandomTensors.matrix("w", type, rows + 5, columns, 0.1, true, random);
    IntUnaryOperator rowOf = row -> rows + 4 - row;
    PackedMatrix packed = pack(tensor, rowOf, rows);
    float[] expected = new float[columns];
    for (Kernels kernels : List.of(new ScalarKernels(), new VectorKernels())) {
      float[][] actual = unpack(kernels, packed);
      for (int row = 0; row < rows; row++) {
        tensor.dequantize(rowOf.applyAsInt(row), expected, 0);
        assertRow(tensor, packed.format(), rowOf.applyAsInt(row), expected, actual[row]);
      }
      for (int row = rows; row < actual.length; row++) {
        assertArrayEquals(new float[columns], actual[row], "padding row " + row);
      }
    }
  }

  private static void assertRow(Tensor tensor, PanelFormat format, int row, float[] expected, float[] actual) {
    if (!format.isInteger()) {
      assertArrayEquals(expected, actual, "row " + row);
      return;
    }
    QuantizedRow parts = new QuantizedRow(tensor, format);
    parts.read(row);
    float[] tolerances = tolerances(tensor.type(), parts, format);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[i], tolerances[i], "row " + row + ", column " + i);
    }
  }

  /**
   * Without minimum a weight is one product, scale · code, in both: the same bits. With one, the loader rounds the product
   * and then the sum, unpacking the sum alone: at most two half ulps of the larger term. The scales and minima of the K
   * types are rounded to half floats too: by 2^-11 of either term at most.
   */
  private static float[] tolerances(DType type, QuantizedRow row, PanelFormat format) {
    float[] tolerances = new float[row.codes.length];
    boolean rounded = type.name().endsWith("_K");
    for (int i = 0; i < tolerances.length; i++) {
      int block = i / format.block();
      int code = row.codes[i] - (format.hasMin() ? 0 : format.bias());
      float product = Math.abs(row.scales[block] * code);
      float min = Math.abs(row.mins[block]);
      float sum = format.hasMin() ? 2 * Math.ulp(product + min) : 0;
      tolerances[i] = rounded ? 0x1p-11f * (product + min) + 2 * Math.ulp(product + min) : sum;
    }
    return tolerances;
  }

  /** All finite half floats, subnormals and both zeros included, keep their bits. */
  @Test
  void halvesKeepTheirBits() {
    int[] finite = IntStream.range(0, 1 << 16).filter(bits -> (bits & 0x7c00) != 0x7c00).toArray();
    int columns = finite.length / 32;
    MemorySegment data = Arena.ofAuto().allocate(64L * columns, 32);
    for (int i = 0; i < 32 * columns; i++) {
      data.set(SHORT, 2L * i, (short) finite[i]);
    }
    Tensor tensor = new Tensor("w", DType.F16, List.of(32L, (long) columns), data);
    PackedMatrix packed = pack(tensor, row -> row, 32);
    for (Kernels kernels : List.of(new ScalarKernels(), new VectorKernels())) {
      float[][] actual = unpack(kernels, packed);
      for (int i = 0; i < 32 * columns; i++) {
        int bits = Float.floatToRawIntBits(actual[i / columns][i % columns]);
        assertEquals(Float.floatToRawIntBits(Float.float16ToFloat((short) finite[i])), bits, () -> kernels.describe());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void f32PanelsKeepTheirBits(DType type) {
    Random random = new Random(1);
    Tensor tensor = RandomTensors.matrix("w", type, 37, type.blockSize(), 1, true, random);
    PackedMatrix packed = Packer.allocate(PanelFormat.F32, 37, tensor.columns(), Arena.ofAuto());
    Packer.packF32((row, out) -> tensor.dequantize(row, out, 0), packed, 0, packed.panels());
    float[] expected = new float[tensor.columns()];
    for (int row = 0; row < 64; row++) {
      if (row < 37) {
        tensor.dequantize(row, expected, 0);
      }
      for (int i = 0; i < expected.length; i++) {
        float actual = packed.data().get(ValueLayout.JAVA_FLOAT, packed.offset(row / 32) + 128L * i + row % 32 * 4L);
        assertEquals(row < 37 ? expected[i] : 0, actual);
      }
    }
  }

  /** Where three rows tell that 12 bits will not do, they are not tried; nothing is lost then, of bfloat16 in f32 either. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void floatsThatTwelveBitsAreNotFor(DType type) {
    float[] odd = {-0f, Float.NEGATIVE_INFINITY, 2e-20f, Float.NaN};
    Random random = new Random(1);
    Tensor tensor = convert(floats(i -> i % 48 == 5 ? odd[i / 48 % 4] : (float) random.nextGaussian(), 0xffff0000), type);
    assertEquals(List.of(type == DType.F16 ? PanelFormat.F16 : PanelFormat.F32), Packer.formatsOf(tensor));
    PackedMatrix twelve = Packer.allocate(PanelFormat.BF12, 40, 48, Arena.ofAuto());
    assertFalse(Packer.pack(tensor, row -> row, twelve, 0, twelve.panels()), "some are not finite");
    float[][] rows = unpack(new VectorKernels(), pack(tensor, row -> row, 40));
    float[] expected = new float[48];
    for (int row = 0; row < 40; row++) {
      tensor.dequantize(row, expected, 0);
      for (int i = 0; i < expected.length; i++) {
        if (Float.isFinite(expected[i])) {
          assertEquals(Float.floatToRawIntBits(expected[i]), Float.floatToRawIntBits(rows[row][i]), row + ", " + i);
        }
      }
    }
    Tensor wide = floats(_ -> (float) random.nextGaussian(), -1);
    assertEquals(List.of(PanelFormat.F32), Packer.formatsOf(wide));
  }

  /**
   * Bfloat16 in 12 bits, from a file of any type of floats: zeros, rows of zeros, rows of different orders and weights that are
   * far smaller than others of their row keep their bits.
   */
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16"})
  void brainFloatsInTwelveBits(DType type) {
    Random random = new Random(1);
    float[] odd = {-0f, 0f, 0x1.02p-14f, -0x1.04p-13f};
    Tensor floats = floats(i -> i / 48 == 7 ? 0f
        : i % 101 == 0 ? odd[i / 101 % odd.length] : (float) random.nextGaussian() * Math.scalb(1f, i / 48 % 3 - 1), 0xffff0000);
    Tensor tensor = convert(floats, type);
    assertEquals(PanelFormat.BF12, Packer.formatsOf(tensor).getFirst());
    assertEquals(Packer.formatOf(type), Packer.formatsOf(tensor).getLast());
    PackedMatrix packed = Packer.allocate(PanelFormat.BF12, 37, 48, Arena.ofAuto());
    assertTrue(Packer.pack(tensor, row -> 36 - row, packed, 0, packed.panels()));
    float[] expected = new float[48];
    for (Kernels kernels : List.of(new ScalarKernels(), new LoopKernels(), new VectorKernels())) {
      float[][] rows = unpack(kernels, packed);
      for (int row = 0; row < 37; row++) {
        tensor.dequantize(36 - row, expected, 0);
        for (int i = 0; i < 48; i++) {
          assertEquals(Float.floatToRawIntBits(expected[i]), Float.floatToRawIntBits(rows[row][i]), row + ", " + i);
        }
      }
    }
  }

  /** A panel with too many small weights, with one of 2^16 or with one that is no bfloat16 is not held in 12 bits. */
  @Test
  void whatTwelveBitsDoNotHold() {
    Random random = new Random(1);
    Tensor tensor = floats(_ -> (float) random.nextGaussian(), 0xffff0000);
    PackedMatrix packed = Packer.allocate(PanelFormat.BF12, 40, 48, Arena.ofAuto());
    float first = tensor.data().getAtIndex(ValueLayout.JAVA_FLOAT, 0);
    for (float weight : new float[] {1.001f, 0x1p16f, Float.NaN}) {
      assertTrue(Packer.pack(tensor, row -> row, packed, 0, packed.panels()));
      tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, 0, weight);
      assertFalse(Packer.pack(tensor, row -> row, packed, 0, packed.panels()), "with " + weight);
      tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, 0, first);
    }
    for (int i = 0; i <= Bf12.maxOutliers(48); i++) {
      assertTrue(Packer.pack(tensor, row -> row, packed, 0, packed.panels()), i + " outliers");
      tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, 50L * i, 0x1p-30f);
    }
    assertFalse(Packer.pack(tensor, row -> row, packed, 0, packed.panels()));
  }

  private static Tensor convert(Tensor floats, DType type) {
    if (type == DType.F32) {
      return floats;
    }
    int n = (int) floats.rows() * floats.columns();
    MemorySegment data = Arena.ofAuto().allocate(2L * n, 64);
    for (int i = 0; i < n; i++) {
      float weight = floats.data().getAtIndex(ValueLayout.JAVA_FLOAT, i);
      data.setAtIndex(ValueLayout.JAVA_SHORT, i,
          type == DType.F16 ? Float.floatToFloat16(weight) : (short) (Float.floatToRawIntBits(weight) >> 16));
    }
    return new Tensor("w", type, floats.shape(), data);
  }

  private static Tensor floats(IntFunction<Float> weight, int mask) {
    MemorySegment data = Arena.ofAuto().allocate(4L * 40 * 48, 64);
    for (int i = 0; i < 40 * 48; i++) {
      data.setAtIndex(ValueLayout.JAVA_INT, i, Float.floatToRawIntBits(weight.apply(i)) & mask);
    }
    return new Tensor("w", DType.F32, List.of(40L, 48L), data);
  }

  /** In two goes, as two workers would. */
  private static PackedMatrix pack(Tensor tensor, IntUnaryOperator rowOf, int rows) {
    PackedMatrix packed = Packer.allocate(Packer.formatOf(tensor.type()), rows, tensor.columns(), Arena.ofAuto());
    Packer.pack(tensor, rowOf, packed, packed.panels() / 2, packed.panels());
    Packer.pack(tensor, rowOf, packed, 0, packed.panels() / 2);
    return packed;
  }

  /** All rows, those of the padding too. */
  private static float[][] unpack(Kernels kernels, PackedMatrix m) {
    float[][] rows = new float[32 * m.panels()][m.columns()];
    MemorySegment out = Arena.ofAuto().allocate(128L * m.columns(), 64);
    for (int p = 0; p < m.panels(); p++) {
      if (m.format() == PanelFormat.F32) {
        out = m.data().asSlice(m.offset(p), 128L * m.columns());
      } else {
        kernels.unpack(m, p, 0, m.columns(), out);
      }
      for (int i = 0; i < 32 * m.columns(); i++) {
        rows[32 * p + i % 32][i / 32] = out.get(ValueLayout.JAVA_FLOAT, 4L * i);
      }
      if (m.format() == PanelFormat.BF12) {
        scaleAndAddOutliers(m, p, rows);
      }
    }
    return rows;
  }

  private static void scaleAndAddOutliers(PackedMatrix m, int panel, float[][] rows) {
    for (int r = 0; r < 32; r++) {
      for (int i = 0; i < m.columns(); i++) {
        rows[32 * panel + r][i] *= m.data().get(ValueLayout.JAVA_FLOAT, Bf12.scales(m, panel) + 4 * r) * Bf12.LOWER;
      }
    }
    long at = Bf12.outliers(m, panel);
    for (int n = m.data().get(ValueLayout.JAVA_INT, at); n > 0; n--) {
      int place = m.data().get(ValueLayout.JAVA_INT, at + 8L * n - 4);
      rows[32 * panel + place % 32][place / 32] += m.data().get(ValueLayout.JAVA_FLOAT, at + 8L * n);
    }
  }
}
