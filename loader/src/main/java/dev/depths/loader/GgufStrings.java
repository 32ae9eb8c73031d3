package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;

/** An array of strings in a GGUF file, decoded when asked for. */
final class GgufStrings extends AbstractList<String> implements RandomAccess {
  private static final int LENGTH_BYTES = 8;

  private final MemorySegment data;
  private final int[] ends;

  /**
   * @param data the strings, each after its length
   * @param ends where each ends, relative to {@code data}
   */
  GgufStrings(MemorySegment data, int[] ends) {
    this.data = data;
    this.ends = ends;
  }

  @Override
  public String get(int index) {
    Objects.checkIndex(index, ends.length);
    int start = (index == 0 ? 0 : ends[index - 1]) + LENGTH_BYTES;
    return ByteCursor.text(data, start, ends[index] - start);
  }

  @Override
  public int size() {
    return ends.length;
  }
}
