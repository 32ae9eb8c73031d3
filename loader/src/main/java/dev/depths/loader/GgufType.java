package dev.depths.loader;

import java.util.List;

/** Types of GGUF metadata values, in the order of their numbers in the file. */
public enum GgufType {
  UINT8(1), INT8(1), UINT16(2), INT16(2), UINT32(4), INT32(4), FLOAT32(4), BOOL(1), STRING(8), ARRAY(12), UINT64(8),
  INT64(8), FLOAT64(8);

  private static final GgufType[] VALUES = values();

  /** The fewest bytes a value takes; for numbers and booleans exactly what it takes. */
  final int minBytes;

  GgufType(int minBytes) {
    this.minBytes = minBytes;
  }

  static GgufType read(ByteCursor in, String what) {
    long at = in.position();
    long id = in.u32("type of " + what);
    if (id >= VALUES.length) {
      throw in.malformed(at, what + " has value type " + id + ", expected 0 to " + (VALUES.length - 1));
    }
    return VALUES[(int) id];
  }

  /** The type in which a Java value is written when none is asked for. */
  static GgufType of(Object value) {
    return switch (value) {
      case Byte _ -> INT8;
      case Short _ -> INT16;
      case Integer i -> i < 0 ? INT32 : UINT32;
      case Long l -> l < 0 ? INT64 : UINT64;
      case Float _ -> FLOAT32;
      case Double _ -> FLOAT64;
      case Boolean _ -> BOOL;
      case String _ -> STRING;
      case List<?> _ -> ARRAY;
      default -> throw new IllegalArgumentException("GGUF has no type for " + value.getClass());
    };
  }
}
