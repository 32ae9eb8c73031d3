package dev.depths.loader;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Writes GGUF files, version 3 (<a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">specification</a>).
 * Collects metadata and tensors, then writes them in the order in which they were given. Not thread-safe.
 */
public final class GgufWriter {
  private static final int CHUNK = 1 << 20;
  private static final String ALIGNMENT = "general.alignment";

  /** Writes a tensor's elements, when its turn has come. */
  @FunctionalInterface
  public interface Body {
    /**
     * Writes {@code type.bytes(elements)} bytes: the elements, row-major, little-endian.
     *
     * @throws IOException if they cannot be written
     */
    void writeTo(OutputStream out) throws IOException;
  }

  /** @param type null for a value that is encoded already */
  private record Value(GgufType type, GgufType elementType, Object value) {}

  private record Entry(DType type, List<Long> shape, long bytes, Body body) {}

  private final Map<String, Value> metadata = new LinkedHashMap<>();
  private final Map<String, Entry> tensors = new LinkedHashMap<>();
  private int alignment = 32;

  /** A writer of an empty file. */
  public GgufWriter() {}

  /**
   * Adds or replaces a metadata value. An Integer is written as a u32 or, if negative, an i32; a Long likewise with 64
   * bits; a list as an array of its first element's type.
   *
   * @throws IllegalArgumentException if GGUF has no type for the value
   */
  public GgufWriter put(String key, Object value) {
    return value instanceof List<?> list
        ? putArray(key, list.isEmpty() ? GgufType.UINT32 : GgufType.of(list.getFirst()), list)
        : put(key, GgufType.of(value), value);
  }

  /** Adds or replaces a metadata value of a given type, other than an array. */
  public GgufWriter put(String key, GgufType type, Object value) {
    if (type == GgufType.ARRAY) {
      throw new IllegalArgumentException("arrays are written by putArray");
    }
    metadata.put(key, new Value(type, null, value));
    return this;
  }

  /**
   * Adds or replaces an array; its elements are numbers, strings, booleans, or lists (written as {@link #put} does).
   */
  public GgufWriter putArray(String key, GgufType elementType, List<?> values) {
    metadata.put(key, new Value(GgufType.ARRAY, elementType, List.copyOf(values)));
    return this;
  }

  /** Adds or replaces a value as another file has it: its type, then itself; see {@link GgufFile#encoded}. */
  GgufWriter putEncoded(String key, MemorySegment value) {
    metadata.put(key, new Value(null, null, value));
    return this;
  }

  /**
   * Adds or replaces all values of another file as it has them, but those that tell of its parts; see {@link
   * GgufFile#encoded}.
   */
  GgufWriter putAll(Map<String, Object> values, Map<String, MemorySegment> encoded) {
    encoded.forEach((key, value) -> {
      if (key.equals(ALIGNMENT)) {
        alignment(((Long) values.get(key)).intValue());
      } else if (!key.startsWith("split.")) {
        putEncoded(key, value);
      }
    });
    return this;
  }

  /** Takes back a metadata value. */
  public GgufWriter remove(String key) {
    metadata.remove(key);
    return this;
  }

  /** Adds a tensor of f32 elements; dimensions outermost first. */
  public GgufWriter tensor(String name, float[] elements, long... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(elements.length, 4)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(elements);
    return tensor(name, DType.F32, bytes.array(), shape);
  }

  /** Adds a tensor of given bytes; dimensions outermost first. */
  public GgufWriter tensor(String name, DType type, byte[] bytes, long... shape) {
    List<Long> dimensions = new ArrayList<>();
    for (long dimension : shape) {
      dimensions.add(dimension);
    }
    return tensor(new Tensor(name, type, dimensions, MemorySegment.ofArray(bytes)));
  }

  /**
   * Adds a tensor, whose memory is read when writing.
   *
   * @throws IllegalArgumentException if its shape does not fit its bytes
   */
  public GgufWriter tensor(Tensor tensor) {
    tensor(tensor.name(), tensor.type(), tensor.shape(), out -> copy(tensor, out));
    if (tensors.get(tensor.name()).bytes != tensor.data().byteSize()) {
      throw new IllegalArgumentException(tensor.name() + ": " + tensor.data().byteSize() + " bytes are no "
          + tensor.shape() + " of " + tensor.type());
    }
    return this;
  }

  /**
   * Adds or replaces a tensor whose elements are produced when writing.
   *
   * @param shape dimensions, outermost first
   * @throws IllegalArgumentException if rows of its shape are no whole number of the type's blocks
   */
  public GgufWriter tensor(String name, DType type, List<Long> shape, Body body) {
    if (shape.getLast() % type.blockSize() != 0) {
      throw new IllegalArgumentException(name + ": rows of " + shape.getLast() + " are no whole blocks of " + type);
    }
    long elements = 1;
    for (long dimension : shape) {
      elements = Math.multiplyExact(elements, dimension);
    }
    tensors.put(name, new Entry(type, List.copyOf(shape), type.bytes(elements), body));
    return this;
  }

  /** Sets the alignment of tensors in bytes, a power of two; 32 unless set. */
  public GgufWriter alignment(int bytes) {
    if (Integer.bitCount(bytes) != 1 || bytes < 0) {
      throw new IllegalArgumentException("alignment " + bytes + " is no power of two");
    }
    alignment = bytes;
    return put(ALIGNMENT, bytes);
  }

  /** Writes the file, replacing what is there. */
  public void write(Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      write(out, done -> {});
    }
  }

  /** The file's bytes; for small models. */
  public byte[] toBytes() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      write(out, done -> {});
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  /** Number of tensors added. */
  int tensorCount() {
    return tensors.size();
  }

  /** Length of the file in bytes. */
  long length() {
    long length = header().length;
    for (Entry tensor : tensors.values()) {
      length += padding(length) + tensor.bytes;
    }
    return tensors.isEmpty() ? length : length + padding(length);
  }

  /**
   * Writes the file.
   *
   * @param progress receives the number of bytes written so far
   * @throws IllegalStateException if a tensor's body writes another number of bytes than its shape has
   */
  void write(OutputStream stream, LongConsumer progress) throws IOException {
    CountedOutput out = new CountedOutput(stream, progress);
    out.write(header());
    for (Map.Entry<String, Entry> tensor : tensors.entrySet()) {
      pad(out);
      long start = out.count();
      tensor.getValue().body.writeTo(out);
      if (out.count() - start != tensor.getValue().bytes) {
        throw new IllegalStateException(tensor.getKey() + " wrote " + (out.count() - start) + " bytes, expected "
            + tensor.getValue().bytes);
      }
    }
    if (!tensors.isEmpty()) {
      pad(out);
    }
  }

  /** By way of the heap: the source may be a mapped file, whose loss {@link Tensor#copy} tells. */
  private static void copy(Tensor tensor, OutputStream out) throws IOException {
    long size = tensor.data().byteSize();
    byte[] chunk = new byte[(int) Math.min(CHUNK, size)];
    for (long at = 0; at < size; at += chunk.length) {
      int length = (int) Math.min(chunk.length, size - at);
      tensor.copy(at, chunk, 0, length);
      out.write(chunk, 0, length);
    }
  }

  private byte[] header() {
    GgufOutput out = new GgufOutput();
    out.bytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    out.i32(3);
    out.i64(tensors.size());
    out.i64(metadata.size());
    metadata.forEach((key, value) -> {
      out.string(key);
      value(out, key, value);
    });
    long offset = 0;
    for (Map.Entry<String, Entry> entry : tensors.entrySet()) {
      Entry tensor = entry.getValue();
      out.string(entry.getKey());
      out.i32(tensor.shape.size());
      for (long dimension : tensor.shape.reversed()) {
        out.i64(dimension);
      }
      out.i32(tensor.type.ggmlId());
      out.i64(offset);
      offset += tensor.bytes + padding(tensor.bytes);
    }
    return out.toByteArray();
  }

  private static void value(GgufOutput out, String key, Value value) {
    if (value.type == null) {
      try {
        out.bytes((MemorySegment) value.value);
      } catch (InternalError e) {
        throw MappedFile.lost("mapped file", key, e);
      }
      return;
    }
    out.i32(value.type.ordinal());
    if (value.type == GgufType.ARRAY) {
      out.array(value.elementType, (List<?>) value.value);
    } else {
      out.scalar(value.type, value.value);
    }
  }

  private void pad(CountedOutput out) throws IOException {
    out.write(new byte[padding(out.count())]);
  }

  private int padding(long written) {
    return (int) (-written & alignment - 1);
  }
}
