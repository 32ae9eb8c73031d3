package dev.depths.loader;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The header of a GGUF file as it grows: little-endian numbers, strings, metadata values. */
final class GgufOutput extends ByteArrayOutputStream {
  void bytes(byte[] bytes) {
    write(bytes, 0, bytes.length);
  }

  void bytes(MemorySegment bytes) {
    bytes(bytes.toArray(ValueLayout.JAVA_BYTE));
  }

  void i16(int value) {
    write(value);
    write(value >> 8);
  }

  void i32(int value) {
    i16(value);
    i16(value >> 16);
  }

  void i64(long value) {
    i32((int) value);
    i32((int) (value >> 32));
  }

  void string(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    i64(utf8.length);
    bytes(utf8);
  }

  void array(GgufType type, List<?> values) {
    i32(type.ordinal());
    i64(values.size());
    for (Object value : values) {
      if (value instanceof List<?> list) {
        array(list.isEmpty() ? GgufType.UINT32 : GgufType.of(list.getFirst()), list);
      } else {
        scalar(type, value);
      }
    }
  }

  void scalar(GgufType type, Object value) {
    switch (type) {
      case UINT8, INT8 -> write(((Number) value).intValue());
      case UINT16, INT16 -> i16(((Number) value).intValue());
      case UINT32, INT32 -> i32(((Number) value).intValue());
      case UINT64, INT64 -> i64(((Number) value).longValue());
      case FLOAT32 -> i32(Float.floatToRawIntBits(((Number) value).floatValue()));
      case FLOAT64 -> i64(Double.doubleToRawLongBits(((Number) value).doubleValue()));
      case BOOL -> write((Boolean) value ? 1 : 0);
      case STRING -> string((String) value);
      case ARRAY -> throw new IllegalArgumentException("an array where " + value + " is");
    }
  }
}
