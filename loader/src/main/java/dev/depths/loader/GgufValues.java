package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads GGUF metadata values as Java values: Long for all integers, Float, Double, Boolean, String, and immutable
 * lists. Lists of numbers and strings are views of the file, for vocabularies are large and most programs need them
 * once.
 */
final class GgufValues {
  /** Longest string; the largest chat templates have some 100 kB. */
  static final int MAX_STRING_BYTES = 1 << 24;
  /** Most elements of an array; the largest vocabularies have some 300,000 tokens. */
  static final int MAX_ARRAY_LENGTH = 1 << 24;
  /** Most arrays in arrays of a whole file: each costs objects far larger than its bytes. */
  private static final int MAX_NESTED = 1 << 12;
  private static final int MAX_DEPTH = 2;

  private final ByteCursor in;
  private final MemorySegment data;
  private int nested;

  GgufValues(ByteCursor in, MemorySegment data) {
    this.in = in;
    this.data = data;
  }

  /** The value at the cursor, after its type. */
  Object read(GgufType type, String what) {
    return type == GgufType.ARRAY ? array(what, 1) : scalar(type, what);
  }

  private Object scalar(GgufType type, String what) {
    return switch (type) {
      case UINT8 -> (long) in.u8(what);
      case INT8 -> (long) in.i8(what);
      case UINT16 -> (long) in.u16(what);
      case INT16 -> (long) in.i16(what);
      case UINT32 -> in.u32(what);
      case INT32 -> (long) in.i32(what);
      case UINT64 -> in.u64(what);
      case INT64 -> in.i64(what);
      case FLOAT32 -> in.f32(what);
      case FLOAT64 -> in.f64(what);
      case BOOL -> bool(what);
      case STRING -> in.string(what, MAX_STRING_BYTES);
      case ARRAY -> throw new IllegalArgumentException("an array is no scalar");
    };
  }

  private boolean bool(String what) {
    long at = in.position();
    int value = in.u8(what);
    if (value > 1) {
      throw in.malformed(at, what + " is the boolean " + value + ", expected 0 or 1");
    }
    return value == 1;
  }

  private List<?> array(String what, int depth) {
    GgufType type = GgufType.read(in, "elements of " + what);
    long at = in.position();
    long length = in.u64("length of " + what);
    // The quotient cannot overflow, the product could.
    if (length > in.remaining() / type.minBytes) {
      throw in.malformed(
          at, what + " has " + length + " elements, more than the " + in.remaining() + " bytes that remain can hold");
    }
    int max = type == GgufType.ARRAY ? MAX_NESTED - nested : MAX_ARRAY_LENGTH;
    if (length > max) {
      throw in.malformed(at, what + " has " + length + " elements, expected at most " + max);
    }
    return switch (type) {
      case ARRAY -> nested(what, (int) length, depth, at);
      case STRING -> strings(what, (int) length);
      default -> numbers(type, what, (int) length);
    };
  }

  private List<?> nested(String what, int length, int depth, long at) {
    if (depth == MAX_DEPTH) {
      throw in.malformed(at, what + " nests arrays deeper than " + MAX_DEPTH);
    }
    nested += length;
    List<List<?>> lists = new ArrayList<>(length);
    for (int i = 0; i < length; i++) {
      lists.add(array(what, depth + 1));
    }
    return List.copyOf(lists);
  }

  private List<String> strings(String what, int length) {
    long start = in.position();
    int[] ends = in.skipStrings(what, length, MAX_STRING_BYTES);
    return new GgufStrings(in.file(), what, data.asSlice(start, in.position() - start), ends);
  }

  private List<?> numbers(GgufType type, String what, int length) {
    long start = in.position();
    if (type == GgufType.BOOL || type == GgufType.UINT64) {
      // Not every bit pattern of these is a value.
      for (int i = 0; i < length; i++) {
        scalar(type, what);
      }
    } else {
      in.take((long) length * type.minBytes, what);
    }
    return new GgufNumbers(in.file(), what, type, data.asSlice(start, in.position() - start), length);
  }
}
