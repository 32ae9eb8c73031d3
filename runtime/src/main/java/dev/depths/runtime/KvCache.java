package dev.depths.runtime;

import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.agrona.collections.IntArrayList;

/**
 * Keys and values of a sequence, one ragged list per block: a block holds only the positions it has computed, in pages of
 * 32 of them, so memory follows what is held.
 *
 * <p>A page is laid out as panels, so that attention is the same product as a projection: per key/value head the keys as
 * {@code [headDim][32 positions]}, and per head and per 32 of its dimensions the values as {@code [32 positions][32]}.
 * Panels are of floats or of half floats, whose range ends at 65504: what is beyond is held as that.
 *
 * <p>A block takes pages by runs: the keys of all pages of a run, then their values. Attention reads all keys, then all
 * values, and memory that is read in order comes up to four times as fast as in pieces of a page. See {@link KvMemory}.
 */
final class KvCache {
  /** Positions per page: the width of a panel. */
  static final int PAGE = 32;

  /** A block that needs one page more, as in a decode, takes this part of what it has besides. */
  private static final int SPARE = 4;

  /** What is touched at a time, keys or values of at least a page. With a third of this long contexts are 5 % slower. */
  private static final int TOUCHED_BYTES = 192 * 1024;

  private static final float LARGEST_HALF = 65504;

  private final PanelFormat format;
  private final int kvHeads;
  private final int headDim;
  private final int chunks;
  private final int columnBytes;
  private final long keyBytes;
  private final long valueBytes;
  private final long pageKeys;
  private final long pageValues;
  private final int touchedPages;
  private final KvMemory memory;
  private final BlockKv[] blocks;

  /** @param format F32 or F16 */
  KvCache(PanelFormat format, int blocks, int kvHeads, int headDim, Arena arena) {
    if (format != PanelFormat.F32 && format != PanelFormat.F16) {
      throw new IllegalArgumentException("a cache holds F32 or F16, not " + format);
    }
    this.format = format;
    this.kvHeads = kvHeads;
    this.headDim = headDim;
    this.chunks = Math.ceilDiv(headDim, PAGE);
    this.columnBytes = format.blockBytes();
    this.keyBytes = format.panelBytes(headDim);
    this.valueBytes = format.panelBytes(PAGE);
    this.pageKeys = kvHeads * keyBytes;
    this.pageValues = kvHeads * chunks * valueBytes;
    this.touchedPages = (int) Math.max(1, TOUCHED_BYTES / Math.max(pageKeys, pageValues));
    this.memory = new KvMemory(pageKeys + pageValues, arena);
    this.blocks = new BlockKv[blocks];
    for (int b = 0; b < blocks; b++) {
      this.blocks[b] = new BlockKv();
    }
  }

  BlockKv block(int block) {
    return blocks[block];
  }

  /** Bytes of memory held, free pages included. */
  long bytes() {
    return memory.bytes();
  }

  void clear() {
    for (BlockKv b : blocks) {
      b.truncate(0);
    }
  }

  /** What one block holds. */
  final class BlockKv {
    /** By page: its memory, and where its keys and its values begin there. */
    private MemorySegment[] slabs = new MemorySegment[0];
    private long[] keys = new long[0];
    private long[] values = new long[0];
    private int pageCount;
    /** By run: its first page in the cache's memory, and how many it has. */
    private final IntArrayList runs = new IntArrayList();
    private final IntArrayList runPages = new IntArrayList();
    private int[] positions = new int[0];
    private int count;

    /** Bytes of its pages. */
    long bytes() {
      return pageCount * (pageKeys + pageValues);
    }

    /** Positions held. */
    int count() {
      return count;
    }

    /** The positions held, ascending. */
    int[] positions() {
      return Arrays.copyOf(positions, count);
    }

    /** Makes room for so many positions more, to be written before they are read. */
    void append(int[] newPositions, int from, int n) {
      int needed = Math.ceilDiv(count + n, PAGE);
      if (needed == pageCount + 1) {
        needed += pageCount / SPARE;
      }
      while (pageCount < needed) {
        addRun(memory.runOf(needed - pageCount));
      }
      if (count + n > positions.length) {
        positions = Arrays.copyOf(positions, Math.max(count + n, 2 * positions.length));
      }
      System.arraycopy(newPositions, from, positions, count, n);
      count += n;
    }

    private void addRun(int n) {
      if (pageCount + n > slabs.length) {
        int capacity = Math.max(pageCount + n, 2 * slabs.length);
        slabs = Arrays.copyOf(slabs, capacity);
        keys = Arrays.copyOf(keys, capacity);
        values = Arrays.copyOf(values, capacity);
      }
      int run = memory.take(n);
      runs.addInt(run);
      runPages.addInt(n);
      for (int i = 0; i < n; i++) {
        slabs[pageCount] = memory.slab(run);
        keys[pageCount] = memory.offset(run) + i * pageKeys;
        values[pageCount++] = memory.offset(run) + n * pageKeys + i * pageValues;
      }
    }

    /** Forgets all but the first {@code n}. */
    void truncate(int n) {
      count = Math.min(count, n);
      int needed = Math.ceilDiv(count, PAGE);
      while (pageCount > 0 && pageCount - runPages.getInt(runPages.size() - 1) >= needed) {
        int pages = runPages.popInt();
        memory.give(runs.popInt(), pages);
        pageCount -= pages;
      }
    }

    /** Forgets positions from {@code position} on. */
    void truncateAt(int position) {
      int n = count;
      while (n > 0 && positions[n - 1] >= position) {
        n--;
      }
      truncate(n);
    }

    /** How panels hold keys and values: F32 or F16. */
    PanelFormat format() {
      return format;
    }

    /** Memory of a page. */
    MemorySegment memory(int page) {
      return slabs[page];
    }

    /** Where a page's keys of a head begin: a panel of {@code headDim} rows. */
    long keyOffset(int page, int head) {
      return keys[page] + head * keyBytes;
    }

    /** Where a page's values of a head and of 32 of its dimensions begin: a panel of 32 rows, one per position. */
    long valueOffset(int page, int head, int chunk) {
      return values[page] + (head * chunks + chunk) * valueBytes;
    }

    /** Product of rows of {@code x} with the panel at {@code offset} of a page, as {@link Kernels#panel}. */
    void panel(Kernels kernels, int page, long offset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
        int yOffset, int ldy, boolean accumulate) {
      kernels.panel(format, memory(page), offset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
    }

    /** How many pages are touched at a time, before they are multiplied. */
    int touchedPages() {
      return touchedPages;
    }

    /** Brings the keys of a time's pages into the core's caches, or of fewer up to {@code toPage}. */
    void touchKeys(Kernels kernels, int fromPage, int toPage) {
      for (int p = fromPage; p < Math.min(toPage, fromPage + touchedPages); p++) {
        kernels.touch(memory(p), keys[p], (int) pageKeys);
      }
    }

    /** As {@link #touchKeys} for values, of chunks counted over all heads. */
    void touchValues(Kernels kernels, int fromPage, int toPage, int fromChunk, int toChunk) {
      for (int p = fromPage; p < Math.min(toPage, fromPage + touchedPages); p++) {
        kernels.touch(memory(p), values[p] + fromChunk * valueBytes, (int) ((toChunk - fromChunk) * valueBytes));
      }
    }

    /** Writes the keys and values of all heads of the {@code index}-th position held. */
    void put(int index, float[] k, int kOffset, float[] v, int vOffset) {
      int page = index / PAGE;
      int slot = index % PAGE;
      MemorySegment memory = memory(page);
      for (int h = 0; h < kvHeads; h++) {
        long key = keyOffset(page, h) + format.rowOffset(slot);
        for (int d = 0; d < headDim; d++) {
          set(memory, key + (long) columnBytes * d, k[kOffset + h * headDim + d]);
        }
        for (int d = 0; d < headDim; d++) {
          long value = valueOffset(page, h, d / PAGE) + (long) columnBytes * slot;
          set(memory, value + format.rowOffset(d % PAGE), v[vOffset + h * headDim + d]);
        }
      }
    }

    private void set(MemorySegment memory, long offset, float x) {
      if (format == PanelFormat.F32) {
        memory.set(Native.FLOAT, offset, x);
      } else {
        memory.set(Native.SHORT, offset, Float.floatToFloat16(Math.min(Math.max(x, -LARGEST_HALF), LARGEST_HALF)));
      }
    }
  }
}
