package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DequantizerTest {
  /** The fixtures come from the Python package gguf; see src/test/python/make_dequantize_fixtures.py. */
  @ParameterizedTest
  @EnumSource
  void agreesBitForBitWithGguf(DType type) throws IOException {
    ByteBuffer fixture;
    try (InputStream in = DequantizerTest.class.getResourceAsStream("/dequantize/" + type + ".bin")) {
      fixture = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
    }
    int elements = fixture.getInt();
    byte[] blocks = new byte[Math.toIntExact(type.bytes(elements))];
    fixture.get(blocks);
    int[] expected = new int[elements];
    fixture.asIntBuffer().get(expected);

    try (Arena arena = Arena.ofConfined()) {
      // An odd offset: rows of block formats are rarely aligned.
      MemorySegment data = arena.allocate(blocks.length + 3L);
      MemorySegment.copy(MemorySegment.ofArray(blocks), 0, data, 3, blocks.length);
      float[] out = new float[elements + 2];
      out[1 + elements] = -1;
      Dequantizer.dequantize(type, data, 3, elements, out, 1);
      for (int i = 0; i < elements; i++) {
        assertEquals(expected[i], Float.floatToRawIntBits(out[1 + i]), type + " element " + i);
      }
      assertEquals(0f, out[0]);
      assertEquals(-1f, out[1 + elements]);
    }
  }

  @Test
  void everyHalfIsExact() {
    MemorySegment data = MemorySegment.ofArray(new short[1]);
    float[] out = new float[1];
    for (int bits = 0; bits < 1 << 16; bits++) {
      int exponent = bits >> 10 & 31;
      int fraction = bits & 1023;
      if (exponent == 31) {
        continue;
      }
      double value = exponent == 0 ? fraction * 0x1p-24 : (1024 + fraction) * Math.pow(2, exponent - 25);
      data.set(java.lang.foreign.ValueLayout.JAVA_SHORT, 0, (short) bits);
      Dequantizer.dequantize(DType.F16, data, 0, 1, out, 0);
      assertEquals((float) (bits >> 15 == 0 ? value : -value), out[0]);
    }
  }

  @Test
  void aPartOfABlockIsRefused() {
    MemorySegment data = MemorySegment.ofArray(new byte[64]);
    assertThrows(
        IllegalArgumentException.class, () -> Dequantizer.dequantize(DType.Q8_0, data, 0, 33, new float[64], 0));
  }
}
