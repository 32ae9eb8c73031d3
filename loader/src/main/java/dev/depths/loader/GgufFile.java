package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * One GGUF file, version 2 or 3 (<a
 * href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">specification</a>).
 *
 * @param file the file's name, for messages
 * @param version the format's version
 * @param metadata values by key, in file order; see {@link GgufValues}
 * @param encoded the same as the file has them: views of each value's type and of itself
 * @param tensors views of the file by name, in file order
 */
record GgufFile(Object file, int version, SequencedMap<String, Object> metadata,
    SequencedMap<String, MemorySegment> encoded, SequencedMap<String, Tensor> tensors) {
  private static final int MAGIC = 0x46554747;
  private static final ValueLayout.OfInt MAGIC_LAYOUT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int MAX_KEY_BYTES = 0xffff;
  private static final int MAX_NAME_BYTES = 63;
  private static final int MAX_DIMENSIONS = 4;
  private static final long DEFAULT_ALIGNMENT = 32;
  private static final long MAX_ALIGNMENT = 1 << 20;
  /** Metadata and tensor list; real ones have some 10 MB. */
  private static final long MAX_HEADER_BYTES = 1 << 27;
  private static final int MAX_ENTRIES = 1 << 16;
  /** A key of one byte, its type, a value of one byte. */
  private static final int MIN_PAIR_BYTES = 8 + 1 + 4 + 1;
  /** A name of one byte, one dimension, type and offset. */
  private static final int MIN_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8;

  private record Info(String name, DType type, List<Long> shape, long offset, long bytes, long at) {}

  /**
   * Parses a file's bytes.
   *
   * @throws MalformedFileException if they break the format's rules
   * @throws UnsupportedModelException if a tensor's type is not supported
   */
  static GgufFile parse(Object file, MemorySegment data) {
    ByteCursor in = new ByteCursor(file, data, MAX_HEADER_BYTES);
    int version = version(in);
    int tensorCount = count(in, "number of tensors", MIN_TENSOR_BYTES);
    int pairCount = count(in, "number of metadata pairs", MIN_PAIR_BYTES);
    SequencedMap<String, MemorySegment> encoded = new LinkedHashMap<>();
    SequencedMap<String, Object> metadata = metadata(in, data, pairCount, encoded);
    long alignment = alignment(file, metadata);
    List<Info> infos = new ArrayList<>();
    for (int i = 0; i < tensorCount; i++) {
      infos.add(info(file, in, "tensor " + i));
    }
    return new GgufFile(file, version, metadata, encoded, tensors(in, data, infos, alignment));
  }

  /** Whether bytes begin as a GGUF file does. */
  static boolean hasMagic(MemorySegment data) {
    return data.byteSize() >= Integer.BYTES && data.get(MAGIC_LAYOUT, 0) == MAGIC;
  }

  private static int version(ByteCursor in) {
    int magic = in.i32("magic");
    if (magic != MAGIC) {
      boolean swapped = Integer.reverseBytes(magic) == MAGIC;
      throw in.malformed(0, "magic is 0x%08x, expected 0x%08x (\"GGUF\")%s"
          .formatted(magic, MAGIC, swapped ? "; the file's bytes are swapped" : ""));
    }
    int version = in.i32("version");
    if (version == 2 || version == 3) {
      return version;
    }
    int swapped = Integer.reverseBytes(version);
    throw in.malformed(4, swapped == 2 || swapped == 3
        ? "the file is byte-swapped (big-endian), expected little-endian"
        : "version is " + Integer.toUnsignedString(version) + ", expected 2 or 3");
  }

  private static int count(ByteCursor in, String what, int minBytes) {
    long at = in.position();
    long count = in.u64(what);
    if (count > in.remaining() / minBytes) {
      throw in.malformed(
          at, what + " is " + count + ", more than the " + in.remaining() + " bytes that remain can hold");
    }
    if (count > MAX_ENTRIES) {
      throw in.malformed(at, what + " is " + count + ", expected at most " + MAX_ENTRIES);
    }
    return (int) count;
  }

  private static SequencedMap<String, Object> metadata(
      ByteCursor in, MemorySegment data, int count, Map<String, MemorySegment> encoded) {
    GgufValues values = new GgufValues(in, data);
    SequencedMap<String, Object> metadata = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      long at = in.position();
      String key = in.string("key " + i, MAX_KEY_BYTES);
      if (key.isEmpty()) {
        throw in.malformed(at, "key " + i + " is empty");
      }
      if (metadata.containsKey(key)) {
        throw in.malformed(at, "key " + key + " appears twice");
      }
      long start = in.position();
      metadata.put(key, values.read(GgufType.read(in, key), key));
      encoded.put(key, data.asSlice(start, in.position() - start));
    }
    return metadata;
  }

  private static long alignment(Object file, Map<String, Object> metadata) {
    Object value = metadata.getOrDefault("general.alignment", DEFAULT_ALIGNMENT);
    if (value instanceof Long a && a > 0 && a <= MAX_ALIGNMENT && Long.bitCount(a) == 1) {
      return a;
    }
    throw new MalformedFileException(
        file, "general.alignment", "is " + value + ", expected a power of two up to " + MAX_ALIGNMENT);
  }

  private static Info info(Object file, ByteCursor in, String what) {
    long at = in.position();
    String name = in.string("name of " + what, MAX_NAME_BYTES);
    if (name.isEmpty()) {
      throw in.malformed(at, "name of " + what + " is empty");
    }
    long dimensionsAt = in.position();
    long dimensions = in.u32("number of dimensions of " + name);
    if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
      throw in.malformed(dimensionsAt, name + " has " + dimensions + " dimensions, expected 1 to " + MAX_DIMENSIONS);
    }
    Long[] shape = new Long[(int) dimensions];
    long elements = 1;
    for (int d = shape.length - 1; d >= 0; d--) {
      long dimensionAt = in.position();
      shape[d] = in.u64("dimension of " + name);
      if (shape[d] == 0 || shape[d] > Long.MAX_VALUE / elements) {
        throw in.malformed(
            dimensionAt, name + " has a dimension of " + shape[d] + ", expected 1 or more and less than 2^63 in all");
      }
      elements *= shape[d];
    }
    long typeAt = in.position();
    long id = in.u32("type of " + name);
    DType type = DType.ofGgmlId(id).orElseThrow(() -> new UnsupportedModelException(
        file, "tensor " + name + " has the GGML type " + id + "; supported are " + Arrays.toString(DType.values())));
    long columns = shape[shape.length - 1];
    if (columns % type.blockSize() != 0 || columns > Integer.MAX_VALUE) {
      throw in.malformed(
          typeAt, name + " has rows of " + columns + ", expected a multiple of " + type + "'s " + type.blockSize());
    }
    if (elements / type.blockSize() > Long.MAX_VALUE / type.blockBytes()) {
      throw in.malformed(typeAt, name + " has " + elements + " elements, more than 2^63 bytes");
    }
    long offset = in.u64("offset of " + name);
    return new Info(name, type, List.of(shape), offset, type.bytes(elements), at);
  }

  private static SequencedMap<String, Tensor> tensors(
      ByteCursor in, MemorySegment data, List<Info> infos, long alignment) {
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    long start = pad(in.position(), alignment);
    long expected = 0;
    for (Info info : infos) {
      if (info.offset != expected) {
        throw in.malformed(
            info.at, "tensor " + info.name + " has offset " + info.offset + ", expected the running sum " + expected);
      }
      long room = data.byteSize() - start - info.offset;
      if (info.bytes > room) {
        throw in.malformed(info.at,
            "tensor " + info.name + " needs " + info.bytes + " bytes, but only " + Math.max(0, room) + " remain");
      }
      Tensor tensor = new Tensor(info.name, info.type, info.shape, data.asSlice(start + info.offset, info.bytes));
      if (tensors.put(info.name, tensor) != null) {
        throw in.malformed(info.at, "tensor " + info.name + " appears twice");
      }
      // No overflow: the tensor's end lies in the file.
      expected = pad(info.offset + info.bytes, alignment);
    }
    return tensors;
  }

  private static long pad(long offset, long alignment) {
    return offset + alignment - 1 & -alignment;
  }
}
