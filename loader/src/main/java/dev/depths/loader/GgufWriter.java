package dev.depths.loader;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes GGUF files, version 3 (<a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">specification</a>).
 * Collects metadata and tensors, then writes them in the order in which they were given. Not thread-safe.
 */
public final class GgufWriter {
  private static final int CHUNK = 1 << 20;

  private record Value(GgufType type, GgufType elementType, Object value) {}

  private final Map<String, Value> metadata = new LinkedHashMap<>();
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
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
    boolean whole = tensor.columns() % tensor.type().blockSize() == 0;
    if (!whole || tensor.type().bytes(tensor.rows() * tensor.columns()) != tensor.data().byteSize()) {
      throw new IllegalArgumentException(tensor.name() + ": " + tensor.data().byteSize() + " bytes are no "
          + tensor.shape() + " of " + tensor.type());
    }
    tensors.put(tensor.name(), tensor);
    return this;
  }

  /** Sets the alignment of tensors in bytes, a power of two; 32 unless set. */
  public GgufWriter alignment(int bytes) {
    if (Integer.bitCount(bytes) != 1 || bytes < 0) {
      throw new IllegalArgumentException("alignment " + bytes + " is no power of two");
    }
    alignment = bytes;
    return put("general.alignment", bytes);
  }

  /** Writes the file, replacing what is there. */
  public void write(Path file) throws IOException {
    try (OutputStream out = Files.newOutputStream(file)) {
      write(out);
    }
  }

  /** The file's bytes; for small models. */
  public byte[] toBytes() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      write(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private void write(OutputStream out) throws IOException {
    byte[] header = header();
    out.write(header);
    if (tensors.isEmpty()) {
      return;
    }
    pad(out, header.length);
    WritableByteChannel channel = Channels.newChannel(out);
    for (Tensor tensor : tensors.values()) {
      MemorySegment data = tensor.data();
      for (long at = 0; at < data.byteSize(); at += CHUNK) {
        channel.write(data.asSlice(at, Math.min(CHUNK, data.byteSize() - at)).asByteBuffer());
      }
      pad(out, data.byteSize());
    }
  }

  private byte[] header() {
    LittleEndianOutput out = new LittleEndianOutput();
    out.bytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    out.i32(3);
    out.i64(tensors.size());
    out.i64(metadata.size());
    for (Map.Entry<String, Value> entry : metadata.entrySet()) {
      out.string(entry.getKey());
      Value value = entry.getValue();
      out.i32(value.type.ordinal());
      if (value.type == GgufType.ARRAY) {
        out.array(value.elementType, (List<?>) value.value);
      } else {
        out.scalar(value.type, value.value);
      }
    }
    long offset = 0;
    for (Tensor tensor : tensors.values()) {
      out.string(tensor.name());
      out.i32(tensor.shape().size());
      for (long dimension : tensor.shape().reversed()) {
        out.i64(dimension);
      }
      out.i32(tensor.type().ggmlId());
      out.i64(offset);
      offset += tensor.data().byteSize() + padding(tensor.data().byteSize());
    }
    return out.toByteArray();
  }

  private void pad(OutputStream out, long written) throws IOException {
    out.write(new byte[padding(written)]);
  }

  private int padding(long written) {
    return (int) (-written & alignment - 1);
  }

  private static final class LittleEndianOutput extends ByteArrayOutputStream {
    void bytes(byte[] bytes) {
      write(bytes, 0, bytes.length);
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
}
