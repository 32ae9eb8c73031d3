package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class LowRankMergeTest {
  private static Tensor tensor(DType type, float[] elements, long... shape) {
    byte[] bytes = new SafetensorsWriter().tensor("t", type, elements, shape).toBytes();
    return SafetensorsFile.parse("f", MemorySegment.ofArray(bytes)).tensors().get("t");
  }

  /** 1 + 2^-8 and 1 + 3·2^-8 are halfway between neighbours of bf16, 1 + 2^-11 and 1 + 3·2^-11 of f16. */
  @Test
  void roundsHalfToEvenInTheMatrixType() {
    float[] ones = {1, 1, 1};
    float half = 1 / 256f;
    assertArrayEquals(new float[] {1, 1 + 4 * half, 1 + 2 * half}, merge(DType.BF16, ones, half, 3 * half, 1.5f * half));
    half = 1 / 2048f;
    assertArrayEquals(new float[] {1, 1 + 4 * half, 1 + 2 * half}, merge(DType.F16, ones, half, 3 * half, 1.5f * half));
    assertArrayEquals(new float[] {1 + half, 1 + 3 * half, 1 + 1.5f * half},
        merge(DType.F32, ones, half, 3 * half, 1.5f * half));
    assertArrayEquals(new float[] {Float.NaN, Float.POSITIVE_INFINITY, 1},
        merge(DType.BF16, ones, Float.NaN, Float.POSITIVE_INFINITY, 0));
  }

  private static float[] merge(DType type, float[] w, float... update) {
    try (Arena arena = Arena.ofConfined()) {
      Tensor merged = LowRankMerge.merge(new SourceTensors(Path.of("directory"), arena), tensor(type, w, 1, 3),
          tensor(DType.F32, update, 1, 3), tensor(DType.F32, new float[] {1}, 1, 1));
      assertEquals(type, merged.type());
      return merged.toFloats();
    }
  }
}
