package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantizerTest {
  static Set<DType> types() {
    return Quantizer.TYPES;
  }

  /** The fixtures come from the Python package gguf; see src/test/python/make_quantize_fixtures.py. */
  @ParameterizedTest
  @MethodSource("types")
  void agreesByteForByteWithGguf(DType type) throws IOException {
    ByteBuffer fixture;
    try (InputStream in = QuantizerTest.class.getResourceAsStream("/quantize/" + type + ".bin")) {
      fixture = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
    }
    float[] elements = new float[fixture.getInt()];
    fixture.asFloatBuffer().get(elements);
    byte[] expected = new byte[(int) type.bytes(elements.length)];
    fixture.position(4 + 4 * elements.length).get(expected);
    byte[] actual = new byte[expected.length + 2];
    Quantizer.quantize(type, elements, elements.length, actual, 1);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], actual[1 + i], type + " block " + i / type.blockBytes() + " byte " + i % type.blockBytes());
    }
    assertEquals(0, actual[0]);
    assertEquals(0, actual[expected.length + 1]);
  }

  /** What was quantised once is not changed by being quantised again. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "F16", "BF16", "Q8_0", "Q4_0"})
  void isAFixedPointOfItsTypesValues(DType type) {
    float[] elements = new float[64];
    for (int i = 0; i < 64; i++) {
      elements[i] = (float) Math.sin(i) * (i < 32 ? 1 : 100);
    }
    byte[] once = new byte[(int) type.bytes(64)];
    Quantizer.quantize(type, elements, 64, once, 0);
    Dequantizer.dequantize(type, MemorySegment.ofArray(once), 0, 64, elements, 0);
    byte[] twice = new byte[once.length];
    Quantizer.quantize(type, elements, 64, twice, 0);
    assertArrayEquals(once, twice);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void blocksNeedFiniteValues(float value) {
    float[] elements = new float[32];
    elements[7] = value;
    for (DType type : Set.of(DType.Q8_0, DType.Q4_0, DType.Q4_1)) {
      ArithmeticException e =
          assertThrows(ArithmeticException.class, () -> Quantizer.quantize(type, elements, 32, new byte[64], 0));
      assertTrue(e.getMessage().contains("holds " + value), e.getMessage());
    }
    byte[] out = new byte[64];
    for (DType type : Set.of(DType.F16, DType.BF16)) {
      Quantizer.quantize(type, elements, 32, out, 0);
      float[] back = new float[32];
      Dequantizer.dequantize(type, MemorySegment.ofArray(out), 0, 32, back, 0);
      assertEquals(value, back[7]);
    }
  }

  @Test
  void typesAndSizesThatCannotBe() {
    assertThrows(IllegalArgumentException.class, () -> Quantizer.quantize(DType.Q8_0, new float[33], 33, new byte[99], 0));
    assertThrows(
        IllegalArgumentException.class, () -> Quantizer.quantize(DType.Q6_K, new float[256], 256, new byte[999], 0));
  }
}
