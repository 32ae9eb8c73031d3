package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufFileTest {
  private static final int F32 = 0;
  private static final int Q4_0 = 2;
  private static final int UINT32 = 4;
  private static final int BOOL = 7;
  private static final int STRING = 8;
  private static final int ARRAY = 9;
  private static final int UINT64 = 10;

  private static GgufFile parse(byte[] bytes) {
    return GgufFile.parse("m.gguf", MemorySegment.ofArray(bytes));
  }

  private static GgufFile parse(RawBytes raw) {
    return parse(raw.bytes());
  }

  private static RawBytes header(long tensors, long pairs) {
    return RawBytes.gguf(3, tensors, pairs);
  }

  @Test
  void readsWhatTheWriterWrites() {
    GgufFile file = parse(new GgufWriter()
        .put("u8", GgufType.UINT8, 255)
        .put("i8", GgufType.INT8, -128)
        .put("u16", GgufType.UINT16, 65535)
        .put("i16", GgufType.INT16, -32768)
        .put("u32", GgufType.UINT32, 4_294_967_295L)
        .put("i32", -7)
        .put("u64", Long.MAX_VALUE)
        .put("i64", Long.MIN_VALUE)
        .put("f32", 0.1f)
        .put("f64", 0.1)
        .put("bool", true)
        .put("string", "Grüße, 世界 🌍")
        .put("strings", List.of("", "a", "ünï"))
        .put("nested", List.of(List.of(1, 2), List.of("x")))
        .put("empty", List.of())
        .putArray("u8s", GgufType.UINT8, List.of(0, 128, 255))
        .putArray("i8s", GgufType.INT8, List.of(-128, 127))
        .putArray("u16s", GgufType.UINT16, List.of(65535))
        .putArray("i16s", GgufType.INT16, List.of(-1))
        .putArray("u32s", GgufType.UINT32, List.of(4_294_967_295L))
        .putArray("i32s", GgufType.INT32, List.of(-1))
        .putArray("u64s", GgufType.UINT64, List.of(Long.MAX_VALUE))
        .putArray("i64s", GgufType.INT64, List.of(-1L))
        .putArray("f32s", GgufType.FLOAT32, List.of(0.1f))
        .putArray("f64s", GgufType.FLOAT64, List.of(0.1))
        .putArray("bools", GgufType.BOOL, List.of(true, false))
        .alignment(64)
        .tensor("vector", new float[] {1, 2, 3}, 3)
        .tensor("matrix", new float[] {1, 2, 3, 4, 5, 6}, 2, 3)
        .toBytes());

    assertEquals(Map.ofEntries(
        Map.entry("u8", 255L), Map.entry("i8", -128L), Map.entry("u16", 65535L), Map.entry("i16", -32768L),
        Map.entry("u32", 4_294_967_295L), Map.entry("i32", -7L), Map.entry("u64", Long.MAX_VALUE),
        Map.entry("i64", Long.MIN_VALUE), Map.entry("f32", 0.1f), Map.entry("f64", 0.1), Map.entry("bool", true),
        Map.entry("string", "Grüße, 世界 🌍"), Map.entry("strings", List.of("", "a", "ünï")),
        Map.entry("nested", List.of(List.of(1L, 2L), List.of("x"))), Map.entry("empty", List.of()),
        Map.entry("u8s", List.of(0L, 128L, 255L)), Map.entry("i8s", List.of(-128L, 127L)),
        Map.entry("u16s", List.of(65535L)), Map.entry("i16s", List.of(-1L)),
        Map.entry("u32s", List.of(4_294_967_295L)), Map.entry("i32s", List.of(-1L)),
        Map.entry("u64s", List.of(Long.MAX_VALUE)), Map.entry("i64s", List.of(-1L)),
        Map.entry("f32s", List.of(0.1f)), Map.entry("f64s", List.of(0.1)),
        Map.entry("bools", List.of(true, false)), Map.entry("general.alignment", 64L)), file.metadata());
    assertEquals(List.of("vector", "matrix"), List.copyOf(file.tensors().keySet()));
    Tensor matrix = file.tensors().get("matrix");
    assertEquals(List.of(2L, 3L), matrix.shape());
    assertEquals(2, matrix.rows());
    assertEquals(3, matrix.columns());
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, matrix.toFloats());
    float[] row = new float[4];
    matrix.dequantize(1, row, 1);
    assertArrayEquals(new float[] {0, 4, 5, 6}, row);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3})
  void readsBothVersions(int version) {
    assertEquals(version, parse(RawBytes.gguf(version, 0, 0)).version());
  }

  @ParameterizedTest
  @EnumSource
  void readsTensorsOfEachType(DType type) {
    byte[] data = new byte[3 * type.blockBytes()];
    GgufFile file = parse(new GgufWriter().tensor("t", type, data, 3, type.blockSize()).toBytes());
    assertEquals(type, file.tensors().get("t").type());
    assertEquals(data.length, file.tensors().get("t").data().byteSize());
  }

  @Test
  void listsAreImmutable() {
    GgufFile file = parse(new GgufWriter().put("s", List.of("a")).put("n", List.of(1)).toBytes());
    for (Object list : file.metadata().values()) {
      assertThrows(UnsupportedOperationException.class, () -> ((List<?>) list).remove(0));
      assertThrows(IndexOutOfBoundsException.class, () -> ((List<?>) list).get(1));
    }
  }

  @Test
  void everyTruncationIsRefused() {
    byte[] whole = TinyModel.gguf("llama").put("tokenizer.ggml.tokens", List.of("a", "b")).toBytes();
    for (int length = 0; length < whole.length; length += length < 4000 ? 1 : 97) {
      byte[] part = Arrays.copyOf(whole, length);
      String message = assertThrows(MalformedFileException.class, () -> parse(part), "length " + length).getMessage();
      assertTrue(message.startsWith("m.gguf: offset "), message);
    }
  }

  @Test
  void magicAndVersion() {
    assertMalformed("m.gguf: offset 0", "needs 4 bytes, but only 0 remain", () -> parse(new byte[0]));
    assertMalformed("offset 0", "magic is 0x46474747, expected 0x46554747", () -> parse(new RawBytes().text("GGGF")));
    assertMalformed("offset 0", "bytes are swapped", () -> parse(new RawBytes().text("FUGG")));
    assertMalformed("offset 4", "version is 1, expected 2 or 3", () -> parse(RawBytes.gguf(1, 0, 0)));
    assertMalformed("offset 4", "version is 4, expected 2 or 3", () -> parse(RawBytes.gguf(4, 0, 0)));
    assertMalformed("offset 4", "byte-swapped (big-endian)", () -> parse(RawBytes.gguf(3 << 24, 0, 0)));
  }

  @Test
  void counts() {
    assertMalformed("offset 8", "number of tensors is 18446744073709551615, expected less than 2^63",
        () -> parse(header(-1, 0)));
    assertMalformed("offset 16", "number of metadata pairs is 9223372036854775808, expected less than 2^63",
        () -> parse(header(0, Long.MIN_VALUE)));
    assertMalformed("offset 8", "number of tensors is 1000, more than", () -> parse(header(1000, 0)));
    assertMalformed("offset 16", "number of metadata pairs is 1000, more than", () -> parse(header(0, 1000)));
    assertMalformed("offset 8", "number of tensors is 70000, expected at most 65536",
        () -> parse(header(70_000, 0).zeros(70_000 * 40)));
    assertMalformed("offset 16", "number of metadata pairs is 70000, expected at most 65536",
        () -> parse(header(0, 70_000).zeros(70_000 * 40)));
  }

  @Test
  void keys() {
    assertMalformed("offset 24", "key 0 is empty", () -> parse(header(0, 1).string("").i32(UINT32).i32(1).zeros(9)));
    assertMalformed("offset 41", "key a appears twice",
        () -> parse(header(0, 2).string("a").i32(UINT32).i32(1).string("a").i32(UINT32).i32(1)));
    assertMalformed("offset 24", "key 0 has 70000 bytes, expected at most 65535",
        () -> parse(header(0, 1).i64(70_000).zeros(80_000)));
    assertMalformed("offset 24", "key 0 has 70000 bytes, but only", () -> parse(header(0, 1).i64(70_000).zeros(9)));
    assertMalformed("offset 24", "length of key 0 is 18446744073709551615, expected less than 2^63",
        () -> parse(header(0, 1).i64(-1).zeros(9)));
  }

  @Test
  void values() {
    assertMalformed("offset 33", "k has value type 13, expected 0 to 12",
        () -> parse(header(0, 1).string("k").i32(13).i32(0)));
    assertMalformed("offset 37", "k is the boolean 2, expected 0 or 1",
        () -> parse(header(0, 1).string("k").i32(BOOL).i8(2)));
    assertMalformed("offset 37", "k is 18446744073709551615, expected less than 2^63",
        () -> parse(header(0, 1).string("k").i32(UINT64).i64(-1)));
    assertMalformed("offset 37", "k has 100 bytes, but only 1 remain",
        () -> parse(header(0, 1).string("k").i32(STRING).i64(100).i8('x')));
    assertMalformed("offset 37", "k has 20000000 bytes, expected at most 16777216",
        () -> parse(header(0, 1).string("k").i32(STRING).i64(20_000_000).zeros(20_000_000)));
  }

  @Test
  void arrays() {
    assertMalformed("offset 37", "elements of k has value type 99",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(99).i64(0)));
    assertMalformed("offset 41", "length of k is 18446744073709551615, expected less than 2^63",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(UINT32).i64(-1)));
    // 2^62 elements of 4 bytes would overflow to 0 bytes.
    assertMalformed("offset 41", "k has 4611686018427387904 elements, more than",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(UINT32).i64(1L << 62).zeros(8)));
    assertMalformed("offset 41", "k has 3 elements, more than the 16 bytes",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(STRING).i64(3).zeros(16)));
    assertMalformed("offset 41", "k has 17000000 elements, expected at most 16777216",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(BOOL).i64(17_000_000).zeros(17_000_000)));
    assertMalformed("offset 49", "k is the boolean 3",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(BOOL).i64(1).i8(3)));
    assertMalformed("offset 57", "k is 18446744073709551615, expected less than 2^63",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(UINT64).i64(2).i64(1).i64(-1)));
    assertMalformed("offset 57", "k has 9 bytes, but only 1 remain",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(STRING).i64(2).string("").i64(9).i8('x')));
  }

  @Test
  void nestedArrays() {
    RawBytes deep = header(0, 1).string("k").i32(ARRAY);
    for (int depth = 0; depth < 100_000; depth++) {
      deep.i32(ARRAY).i64(1);
    }
    assertMalformed("offset 53", "k nests arrays deeper than 2", () -> parse(deep.i32(UINT32).i64(0)));
    assertMalformed("offset 41", "k has 5000 elements, expected at most 4096",
        () -> parse(header(0, 1).string("k").i32(ARRAY).i32(ARRAY).i64(5000).zeros(100_000)));
    RawBytes many = header(0, 2);
    for (String key : List.of("a", "b")) {
      many.string(key).i32(ARRAY).i32(ARRAY).i64(3000);
      for (int i = 0; i < 3000; i++) {
        many.i32(UINT32).i64(0);
      }
    }
    assertMalformed("offset", "b has 3000 elements, expected at most 1096", () -> parse(many));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 3, 48, -32, 1L << 40})
  void alignment(long value) {
    assertMalformed("general.alignment", "is " + value + ", expected a power of two up to 1048576",
        () -> parse(new GgufWriter().put("general.alignment", value).toBytes()));
  }

  @Test
  void alignmentOfAnotherType() {
    assertMalformed("general.alignment", "is 32, expected a power of two",
        () -> parse(new GgufWriter().put("general.alignment", "32").toBytes()));
  }

  @Test
  void tensorNames() {
    assertMalformed("offset 24", "name of tensor 0 is empty",
        () -> parse(header(1, 0).tensor("", F32, 0, 8).zeros(100)));
    assertMalformed("offset 24", "name of tensor 0 has 64 bytes, expected at most 63",
        () -> parse(header(1, 0).tensor("x".repeat(64), F32, 0, 8).zeros(100)));
    assertMalformed("offset 57", "tensor t appears twice",
        () -> parse(header(2, 0).tensor("t", F32, 0, 8).tensor("t", F32, 32, 8).pad(32).zeros(64)));
  }

  @Test
  void dimensions() {
    assertMalformed("offset 33", "t has 0 dimensions, expected 1 to 4",
        () -> parse(header(1, 0).tensor("t", F32, 0).zeros(99)));
    assertMalformed("offset 33", "t has 5 dimensions, expected 1 to 4",
        () -> parse(header(1, 0).tensor("t", F32, 0, 1, 1, 1, 1, 1).zeros(99)));
    assertMalformed("offset 45", "t has a dimension of 0",
        () -> parse(header(1, 0).tensor("t", F32, 0, 8, 0).zeros(99)));
    assertMalformed("offset 37", "dimension of t is 18446744073709551615, expected less than 2^63",
        () -> parse(header(1, 0).tensor("t", F32, 0, -1).zeros(99)));
    assertMalformed("offset 45", "t has a dimension of 4611686018427387904, expected 1 or more and less than 2^63",
        () -> parse(header(1, 0).tensor("t", F32, 0, 4, 1L << 62).zeros(99)));
    assertMalformed("offset 53", "t has 4611686018427387904 elements, more than 2^63 bytes",
        () -> parse(header(1, 0).tensor("t", F32, 0, 1L << 30, 1L << 32).zeros(99)));
  }

  @Test
  void typesAndRows() {
    assertUnsupported("m.gguf: tensor t has the GGML type 20", "supported are [F32, F16, Q4_0",
        () -> parse(header(1, 0).tensor("t", 20, 0, 32).zeros(99)));
    assertUnsupported("tensor t has the GGML type 4294967295", "supported are",
        () -> parse(header(1, 0).tensor("t", -1, 0, 32).zeros(99)));
    assertMalformed("offset 45", "t has rows of 33, expected a multiple of Q4_0's 32",
        () -> parse(header(1, 0).tensor("t", Q4_0, 0, 33).zeros(99)));
    assertMalformed("offset 45", "t has rows of 4294967296",
        () -> parse(header(1, 0).tensor("t", F32, 0, 1L << 32).zeros(99)));
  }

  @ParameterizedTest
  @CsvSource({"4", "32", "-1", "9223372036854775776"})
  void firstOffset(long offset) {
    String problem = offset < 0 ? "expected less than 2^63" : "has offset " + offset + ", expected the running sum 0";
    assertMalformed("offset", problem,
        () -> parse(header(1, 0).tensor("t", F32, offset, 8).pad(32).zeros(32)));
  }

  @Test
  void runningOffsetsArePadded() {
    RawBytes good = header(2, 0).tensor("t", F32, 0, 1).tensor("u", F32, 32, 1).pad(32).zeros(36);
    assertEquals(2, parse(good).tensors().size());
    assertMalformed("offset 57", "tensor u has offset 4, expected the running sum 32",
        () -> parse(header(2, 0).tensor("t", F32, 0, 1).tensor("u", F32, 4, 1).pad(32).zeros(36)));
    assertMalformed("offset 57", "tensor u has offset 0, expected the running sum 32",
        () -> parse(header(2, 0).tensor("t", F32, 0, 1).tensor("u", F32, 0, 1).pad(32).zeros(36)));
  }

  @Test
  void tensorsEndInTheFile() {
    assertMalformed("offset 24", "tensor t needs 32 bytes, but only 31 remain",
        () -> parse(header(1, 0).tensor("t", F32, 0, 8).pad(32).zeros(31)));
    assertMalformed("offset 24", "tensor t needs 4 bytes, but only 0 remain",
        () -> parse(header(1, 0).tensor("t", F32, 0, 1)));
    assertMalformed("offset 24", "needs 4611686016279904256 bytes, but only 32 remain",
        () -> parse(header(1, 0).tensor("t", F32, 0, (1L << 31) - 1, 1L << 29).pad(32).zeros(32)));
  }

  @Test
  void whatFilesHoldCannotBreakTheLine() {
    assertMalformed("k\\u000a\\u001b[31m\\u202e has value type 77", "expected 0 to 12",
        () -> parse(header(0, 1).string("k\n\u001b[31m\u202e").i32(77).i32(0)));
  }
}
