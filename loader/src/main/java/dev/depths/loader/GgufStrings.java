package dev.depths.loader;

import dev.depths.loader.tokenizer.Utf8Strings;
import java.lang.foreign.MemorySegment;
import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;

/** An array of strings in a GGUF file, decoded when asked for. */
final class GgufStrings extends AbstractList<String> implements RandomAccess, Utf8Strings {
  private static final int LENGTH_BYTES = 8;

  private final Object file;
  private final String key;
  private final MemorySegment data;
  private final int[] ends;

  /**
   * @param file the file's name, for messages
   * @param key the array's key, for messages
   * @param data the strings, each after its length
   * @param ends where each ends, relative to {@code data}
   */
  GgufStrings(Object file, String key, MemorySegment data, int[] ends) {
    this.file = file;
    this.key = key;
    this.data = data;
    this.ends = ends;
  }

  @Override
  public String get(int index) {
    Objects.checkIndex(index, ends.length);
    try {
      return ByteCursor.text(data, start(index), end(index) - start(index));
    } catch (InternalError e) {
      throw MappedFile.lost(file, key, e);
    }
  }

  @Override
  public int size() {
    return ends.length;
  }

  @Override
  public int start(int index) {
    return (index == 0 ? 0 : ends[index - 1]) + LENGTH_BYTES;
  }

  @Override
  public int end(int index) {
    return ends[index];
  }

  @Override
  public void copy(int start, int end, byte[] to) {
    try {
      MemorySegment.copy(data, start, MemorySegment.ofArray(to), 0, end - start);
    } catch (InternalError e) {
      throw MappedFile.lost(file, key, e);
    }
  }
}
