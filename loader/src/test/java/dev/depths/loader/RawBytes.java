package dev.depths.loader;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;

/** Little-endian bytes of files that no writer would write. */
final class RawBytes {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** A GGUF header up to the first metadata pair. */
  static RawBytes gguf(int version, long tensors, long pairs) {
    return new RawBytes().text("GGUF").i32(version).i64(tensors).i64(pairs);
  }

  /** A safetensors file. */
  static RawBytes safetensors(String header, int dataBytes) {
    return new RawBytes().i64(header.getBytes(StandardCharsets.UTF_8).length).text(header).zeros(dataBytes);
  }

  RawBytes i8(int value) {
    out.write(value);
    return this;
  }

  RawBytes i32(int value) {
    return i8(value).i8(value >> 8).i8(value >> 16).i8(value >> 24);
  }

  RawBytes i64(long value) {
    return i32((int) value).i32((int) (value >> 32));
  }

  RawBytes text(String text) {
    out.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    return this;
  }

  /** A GGUF string: its length, its bytes. */
  RawBytes string(String text) {
    return i64(text.getBytes(StandardCharsets.UTF_8).length).text(text);
  }

  /** A GGUF tensor description, dimensions innermost first. */
  RawBytes tensor(String name, int type, long offset, long... dimensions) {
    string(name).i32(dimensions.length);
    for (long dimension : dimensions) {
      i64(dimension);
    }
    return i32(type).i64(offset);
  }

  RawBytes zeros(int count) {
    out.writeBytes(new byte[count]);
    return this;
  }

  RawBytes pad(int alignment) {
    return zeros(-out.size() & alignment - 1);
  }

  byte[] bytes() {
    return out.toByteArray();
  }

  MemorySegment segment() {
    return MemorySegment.ofArray(bytes());
  }
}
