package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SafetensorsFileTest {
  private static SafetensorsFile parse(RawBytes raw) {
    return SafetensorsFile.parse("m.safetensors", raw.segment());
  }

  private static void assertRefused(String where, String problem, RawBytes raw) {
    assertMalformed("m.safetensors: " + where, problem, () -> parse(raw));
  }

  private static void assertRefused(String where, String problem, String header, int dataBytes) {
    assertRefused(where, problem, RawBytes.safetensors(header.replace('\'', '"'), dataBytes));
  }

  /** One tensor t with other members, and 8 bytes of data. */
  private static void assertTensorRefused(String where, String problem, String members) {
    assertRefused(where, problem, "{'t': {" + members + "}}", 8);
  }

  @Test
  void readsTensorsInTheOrderOfTheirBytes() {
    byte[] bytes = new SafetensorsWriter()
        .metadata("format", "pt")
        .tensor("b", DType.F32, new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
        .tensor("a", DType.BF16, new float[] {-1, 0.5f}, 2)
        .tensor("c", DType.F16, new float[] {0.25f}, 1)
        .toBytes();
    SafetensorsFile file = SafetensorsFile.parse("m", MemorySegment.ofArray(bytes));
    assertEquals(Map.of("format", "pt"), file.metadata());
    assertEquals(List.of("b", "a", "c"), List.copyOf(file.tensors().keySet()));
    assertEquals(List.of(2L, 3L), file.tensors().get("b").shape());
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, file.tensors().get("b").toFloats());
    assertArrayEquals(new float[] {-1, 0.5f}, file.tensors().get("a").toFloats());
    assertArrayEquals(new float[] {0.25f}, file.tensors().get("c").toFloats());
  }

  @Test
  void theHeaderMayListTensorsInAnyOrderAndEndInSpaces() {
    SafetensorsFile file = parse(RawBytes.safetensors("""
        {"b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
         "a": {"data_offsets": [0, 4], "shape": [1], "dtype": "F32"}}   \s""", 8));
    assertEquals(List.of("a", "b"), List.copyOf(file.tensors().keySet()));
    assertEquals(Map.of(), parse(RawBytes.safetensors("{}", 0)).tensors());
  }

  @Test
  void everyTruncationIsRefused() {
    byte[] whole = new SafetensorsWriter().tensor("t", DType.F32, new float[] {1, 2}, 2).toBytes();
    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      assertThrows(MalformedFileException.class,
          () -> SafetensorsFile.parse("m", MemorySegment.ofArray(part)), "length " + length);
    }
  }

  @Test
  void headerLength() {
    assertRefused("offset 0", "needs 8 bytes, but only 4 remain", new RawBytes().i32(2));
    assertRefused("offset 0", "length of the header is 18446744073709551615, expected less than 2^63",
        new RawBytes().i64(-1).text("{}"));
    assertRefused("offset 0", "the header has 3 bytes, but only 2 remain", new RawBytes().i64(3).text("{}"));
    assertRefused("offset 0", "the header has 100000001 bytes, expected at most 100000000",
        new RawBytes().i64(100_000_001).zeros(100_000_001));
    assertRefused("offset 8", "does not start with {", new RawBytes().i64(0));
    assertRefused("offset 8", "does not start with {", RawBytes.safetensors(" {}", 0));
    assertRefused("offset 8", "does not start with {", RawBytes.safetensors("[]", 0));
  }

  @Test
  void headerText() {
    assertRefused("header at offset 8, line 1 column", "is no valid JSON", "{'t'", 0);
    assertRefused("header at offset 8, line 1 column", "Duplicate field 't'", "{'t': {'dtype': 'F32', 'shape': [1], "
        + "'data_offsets': [0, 4]}, 't': {'dtype': 'F32', 'shape': [1], 'data_offsets': [4, 8]}}", 8);
    assertRefused("header", "goes on after its object", "{} {}", 0);
    assertRefused("header at offset 8", "is no valid JSON", "{} x", 0);
    assertRefused("header at offset 8", "is not valid UTF-8", new RawBytes().i64(6).text("{\"").i8(0xff).text("\":1"));
    assertRefused("t", "is \"[\", expected an object", "{'t': " + "[".repeat(100_000), 0);
    assertRefused("header", "has a tensor name of 0 characters", "{'': {}}", 0);
    assertRefused("header", "has a tensor name of 300 characters, expected 1 to 256",
        "{'" + "x".repeat(300) + "': {}}", 0);
  }

  @Test
  void metadata() {
    assertRefused("__metadata__", "expected an object", "{'__metadata__': 1}", 0);
    assertRefused("__metadata__.a", "is \"1\", expected a string", "{'__metadata__': {'a': 1}}", 0);
    StringBuilder members = new StringBuilder("'a': ''");
    for (int i = 0; i < 5000; i++) {
      members.append(", '").append(i).append("': ''");
    }
    assertRefused("__metadata__", "has more than 4096 members", "{'__metadata__': {" + members + "}}", 0);
    assertRefused("header at offset 8", "Duplicate field 'a'", "{'__metadata__': {'a': '', 'a': ''}}", 0);
  }

  @Test
  void members() {
    assertRefused("t", "is \"1\", expected an object", "{'t': 1}", 0);
    assertTensorRefused("t", "has no dtype", "'shape': [2], 'data_offsets': [0, 8]");
    assertTensorRefused("t", "has no shape", "'dtype': 'F32', 'data_offsets': [0, 8]");
    assertTensorRefused("t", "has no data_offsets", "'dtype': 'F32', 'shape': [2]");
    assertTensorRefused("t", "has the key \"x\", expected dtype, shape, data_offsets", "'x': 1");
    assertTensorRefused("t.dtype", "is \"1\", expected a string", "'dtype': 1");
    assertTensorRefused("t.shape", "expected an array", "'shape': 2");
    assertTensorRefused("t.shape", "is \"2\", expected integers", "'shape': ['2']");
    assertTensorRefused("t.shape", "expected integers", "'shape': [2.0]");
    assertTensorRefused("t.shape", "holds -1, expected 0 or more", "'shape': [-1]");
    assertTensorRefused("t.shape", "holds 99999999999999999999, expected 0 or more, less than 2^63",
        "'shape': [99999999999999999999]");
    assertTensorRefused("t.shape", "has more than 4 elements", "'shape': [1,1,1,1,1]");
    assertTensorRefused("t.data_offsets", "has more than 2 elements", "'data_offsets': [0, 4, 8]");
    assertTensorRefused("t.data_offsets", "is [8], expected begin and end",
        "'dtype': 'F32', 'shape': [2], 'data_offsets': [8]");
    assertTensorRefused("t.data_offsets", "is [8, 0], expected begin and end",
        "'dtype': 'F32', 'shape': [2], 'data_offsets': [8, 0]");
    assertUnsupported("m.safetensors: tensor t has the type \"F8_E4M3\"", "supported are F32, F16, BF16",
        () -> parse(RawBytes.safetensors(
            "{\"t\": {\"dtype\": \"F8_E4M3\", \"shape\": [8], \"data_offsets\": [0, 8]}}", 8)));
  }

  @Test
  void sizes() {
    assertTensorRefused("t.data_offsets", "spans 8 bytes, expected 12 for [3] of F32",
        "'dtype': 'F32', 'shape': [3], 'data_offsets': [0, 8]");
    assertTensorRefused("t.shape", "is [0], expected dimensions of 1 or more",
        "'dtype': 'F32', 'shape': [0], 'data_offsets': [0, 0]");
    assertTensorRefused("t.shape", "is [], expected 1 to 4 dimensions",
        "'dtype': 'F32', 'shape': [], 'data_offsets': [0, 4]");
    // 2^62 elements of 4 bytes would overflow to 0 bytes.
    assertTensorRefused("t.shape", "expected dimensions of 1 or more and 2^61 in all",
        "'dtype': 'F32', 'shape': [2147483648, 2147483648], 'data_offsets': [0, 0]");
    assertTensorRefused("t.shape", "the last below 2^31",
        "'dtype': 'F32', 'shape': [4294967296], 'data_offsets': [0, 8]");
  }

  @Test
  void offsetsLeaveNoGapAndNoOverlap() {
    String first = "{'a': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}, ";
    assertRefused("b.data_offsets", "begins at 8, expected the end of the tensor before, 4",
        first + "'b': {'dtype': 'F32', 'shape': [1], 'data_offsets': [8, 12]}}", 12);
    assertRefused("b.data_offsets", "begins at 2, expected the end of the tensor before, 4",
        first + "'b': {'dtype': 'F32', 'shape': [1], 'data_offsets': [2, 6]}}", 6);
    assertRefused("b.data_offsets", "ends at 8, but only 7 bytes follow the header",
        first + "'b': {'dtype': 'F32', 'shape': [1], 'data_offsets': [4, 8]}}", 7);
    assertTensorRefused("t.data_offsets", "begins at 4, expected the end of the tensor before, 0",
        "'dtype': 'F32', 'shape': [1], 'data_offsets': [4, 8]");
    assertTensorRefused("offset ", "4 bytes follow the last tensor, expected the end of the file",
        "'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]");
    assertTensorRefused("t.data_offsets", "ends at 9223372028264841216, but only 8",
        "'dtype': 'F32', 'shape': [1073741824, 2147483646], 'data_offsets': [0, 9223372028264841216]");
  }
}
