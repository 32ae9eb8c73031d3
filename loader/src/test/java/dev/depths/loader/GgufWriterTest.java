package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class GgufWriterTest {
  @Test
  void tensorsMayBeProducedWhileWriting() throws IOException {
    GgufWriter writer = new GgufWriter().alignment(64).put("general.architecture", "x")
        .tensor("first", DType.Q8_0, List.of(3L, 32L), out -> {
          out.write(new byte[34]);
          out.write(1);
          out.write(new byte[67]);
        })
        .tensor("second", new float[] {1, 2, 3}, 3);
    List<Long> progress = new ArrayList<>();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    writer.write(out, progress::add);
    assertEquals(writer.length(), out.size());
    assertEquals(writer.length(), progress.getLast());
    assertEquals(progress.stream().sorted().toList(), progress);
    GgufFile file = GgufFile.parse("x", MemorySegment.ofArray(out.toByteArray()));
    assertEquals(List.of(3L, 32L), file.tensors().get("first").shape());
    assertEquals(1, file.tensors().get("first").data().get(ValueLayout.JAVA_BYTE, 34));
    assertArrayEquals(new float[] {1, 2, 3}, file.tensors().get("second").toFloats());
  }

  @Test
  void aBodyHasToFitItsShape() {
    GgufWriter writer = new GgufWriter().tensor("t", DType.F16, List.of(2L, 3L), out -> out.write(new byte[11]));
    assertEquals("t wrote 11 bytes, expected 12",
        assertThrows(IllegalStateException.class, writer::toBytes).getMessage());
    assertThrows(IllegalArgumentException.class,
        () -> new GgufWriter().tensor("t", DType.Q4_0, List.of(2L, 33L), out -> {}));
  }

  @Test
  void lengthOfFilesWithoutTensors() {
    GgufWriter writer = new GgufWriter().put("a", 1);
    assertEquals(writer.toBytes().length, writer.length());
  }

  @Test
  void valuesOfAnotherFileAreCopiedAsTheyAre() {
    byte[] source = new GgufWriter()
        .put("u8", GgufType.UINT8, 255).put("i16", GgufType.INT16, -3).put("f64", 0.1).put("bool", true).put("s", "ü")
        .putArray("i8s", GgufType.INT8, List.of(-1, 2)).put("nested", List.of(List.of(1, 2), List.of("x")))
        .put("empty", List.of()).put("split.no", GgufType.UINT16, 0).alignment(128)
        .tensor("t", new float[] {1}, 1).toBytes();
    GgufFile file = GgufFile.parse("x", MemorySegment.ofArray(source));
    byte[] copy = new GgufWriter().putAll(file.metadata(), file.encoded()).put("split.no", GgufType.UINT16, 0)
        .tensor(file.tensors().get("t")).toBytes();
    GgufFile copied = GgufFile.parse("x", MemorySegment.ofArray(copy));
    assertEquals(file.metadata(), copied.metadata());
    file.encoded().forEach((key, value) -> assertEquals(-1, value.mismatch(copied.encoded().get(key)), key));
    assertEquals(source.length, copy.length);
  }
}
