package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.AbstractList;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.RandomAccess;

/** An array of numbers or booleans in a GGUF file, converted when asked for. */
final class GgufNumbers extends AbstractList<Object> implements RandomAccess {
  /** Elements that an iterator copies from the file at a time. */
  private static final int STRETCH = 4096;

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
    return value(copy(Objects.checkIndex(index, size), 1), 0);
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public Iterator<Object> iterator() {
    return new Iterator<>() {
      private ByteBuffer stretch;
      private int next;

      @Override
      public boolean hasNext() {
        return next < size;
      }

      @Override
      public Object next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        int at = next % STRETCH;
        if (at == 0) {
          stretch = copy(next, Math.min(STRETCH, size - next));
        }
        next++;
        return value(stretch, at * type.minBytes);
      }
    };
  }

  private ByteBuffer copy(int from, int count) {
    byte[] bytes = new byte[count * type.minBytes];
    try {
      MemorySegment.copy(data, (long) from * type.minBytes, MemorySegment.ofArray(bytes), 0, bytes.length);
    } catch (InternalError e) {
      throw MappedFile.lost(file, key, e);
    }
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private Object value(ByteBuffer in, int at) {
    return switch (type) {
      case UINT8 -> in.get(at) & 0xffL;
      case INT8 -> (long) in.get(at);
      case UINT16 -> in.getShort(at) & 0xffffL;
      case INT16 -> (long) in.getShort(at);
      case UINT32 -> in.getInt(at) & 0xffff_ffffL;
      case INT32 -> (long) in.getInt(at);
      case UINT64, INT64 -> in.getLong(at);
      case FLOAT32 -> in.getFloat(at);
      case FLOAT64 -> in.getDouble(at);
      case BOOL -> in.get(at) != 0;
      case STRING, ARRAY -> throw new IllegalStateException(type + " is no number");
    };
  }
}
