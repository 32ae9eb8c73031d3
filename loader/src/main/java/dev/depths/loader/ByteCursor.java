package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Reads little-endian values from untrusted bytes: nothing is read, or allocated, that is not there. */
final class ByteCursor {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** Bytes of a vocabulary copied at a time. */
  private static final int COPY_BYTES = 1 << 16;

  private final Object file;
  private final MemorySegment data;
  private final long limit;
  private long position;

  /** A cursor at the start of {@code data} that stops at {@code limit} bytes or the end, whichever is first. */
  ByteCursor(Object file, MemorySegment data, long limit) {
    this.file = file;
    this.data = data;
    this.limit = Math.min(limit, data.byteSize());
  }

  Object file() {
    return file;
  }

  long position() {
    return position;
  }

  long remaining() {
    return limit - position;
  }

  int i8(String what) {
    return data.get(ValueLayout.JAVA_BYTE, take(1, what));
  }

  int u8(String what) {
    return i8(what) & 0xff;
  }

  int i16(String what) {
    return data.get(SHORT, take(2, what));
  }

  int u16(String what) {
    return i16(what) & 0xffff;
  }

  int i32(String what) {
    return data.get(INT, take(4, what));
  }

  long u32(String what) {
    return i32(what) & 0xffff_ffffL;
  }

  long i64(String what) {
    return data.get(LONG, take(8, what));
  }

  /** A u64 below 2^63; no count, length or offset of a real file is beyond. */
  long u64(String what) {
    long at = position;
    long value = i64(what);
    if (value < 0) {
      throw malformed(at, what + " is " + Long.toUnsignedString(value) + ", expected less than 2^63");
    }
    return value;
  }

  float f32(String what) {
    return Float.intBitsToFloat(i32(what));
  }

  double f64(String what) {
    return Double.longBitsToDouble(i64(what));
  }

  /** A string after its u64 length in bytes. */
  String string(String what, int maxBytes) {
    int length = stringLength(what, maxBytes);
    return text(data, take(length, what), length);
  }

  /**
   * Skips so many strings, returning where each ends, in bytes from the first one's length on. Lengths are read from copies
   * of the file's bytes, which vocabularies with their hundred thousand strings gain by until such code is compiled.
   */
  int[] skipStrings(String what, int count, int maxBytes) {
    int[] ends = new int[count];
    long start = position;
    byte[] copy = new byte[(int) Math.min(COPY_BYTES, remaining())];
    ByteBuffer bytes = ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN);
    MemorySegment segment = MemorySegment.ofArray(copy);
    long copied = position - copy.length;
    for (int i = 0; i < count; i++) {
      if (position > copied + copy.length - Long.BYTES) {
        copied = Math.min(position, limit - copy.length);
        MemorySegment.copy(data, copied, segment, 0, copy.length);
      }
      long length = remaining() < Long.BYTES ? -1 : bytes.getLong((int) (position - copied));
      if (length >= 0 && length <= maxBytes && length <= remaining() - Long.BYTES) {
        position += Long.BYTES + length;
      } else {
        // Says what is wrong with it.
        take(stringLength(what, maxBytes), what);
      }
      ends[i] = Math.toIntExact(position - start);
    }
    return ends;
  }

  private int stringLength(String what, int maxBytes) {
    long at = position;
    long length = u64("length of " + what);
    if (length > remaining()) {
      throw malformed(at, what + " has " + length + " bytes, but only " + remaining() + " remain");
    }
    if (length > maxBytes) {
      throw malformed(at, what + " has " + length + " bytes, expected at most " + maxBytes);
    }
    return (int) length;
  }

  /** Moves over {@code bytes} bytes and returns the offset of the first. */
  long take(long bytes, String what) {
    if (bytes > remaining()) {
      throw malformed(position, what + " needs " + bytes + " bytes, but only " + remaining() + " remain");
    }
    long at = position;
    position += bytes;
    return at;
  }

  MalformedFileException malformed(long offset, String problem) {
    return new MalformedFileException(file, "offset " + offset, problem);
  }

  /** Decodes UTF-8; bytes that are none become U+FFFD. */
  static String text(MemorySegment data, long offset, int length) {
    byte[] bytes = new byte[length];
    MemorySegment.copy(data, offset, MemorySegment.ofArray(bytes), 0, length);
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
