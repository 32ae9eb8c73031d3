package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;

/** An array of numbers or booleans in a GGUF file, converted when asked for. */
final class GgufNumbers extends AbstractList<Object> implements RandomAccess {
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Object file;
  private final String key;
  private final GgufType type;
  private final MemorySegment data;
  private final int size;

  GgufNumbers(Object file, String key, GgufType type, MemorySegment data, int size) {
    this.file = file;
    this.key = key;
    this.type = type;
    this.data = data;
    this.size = size;
  }

  @Override
  public Object get(int index) {
    long at = (long) Objects.checkIndex(index, size) * type.minBytes;
    try {
      return value(at);
    } catch (InternalError e) {
      throw MappedFile.lost(file, key, e);
    }
  }

  private Object value(long at) {
    return switch (type) {
      case UINT8 -> data.get(ValueLayout.JAVA_BYTE, at) & 0xffL;
      case INT8 -> (long) data.get(ValueLayout.JAVA_BYTE, at);
      case UINT16 -> data.get(SHORT, at) & 0xffffL;
      case INT16 -> (long) data.get(SHORT, at);
      case UINT32 -> data.get(INT, at) & 0xffff_ffffL;
      case INT32 -> (long) data.get(INT, at);
      case UINT64, INT64 -> data.get(LONG, at);
      case FLOAT32 -> Float.intBitsToFloat(data.get(INT, at));
      case FLOAT64 -> Double.longBitsToDouble(data.get(LONG, at));
      case BOOL -> data.get(ValueLayout.JAVA_BYTE, at) != 0;
      case STRING, ARRAY -> throw new IllegalStateException(type + " is no number");
    };
  }

  @Override
  public int size() {
    return size;
  }
}
