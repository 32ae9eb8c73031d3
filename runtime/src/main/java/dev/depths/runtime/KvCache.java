package dev.depths.runtime;

import dev.depths.runtime.kernel.Kernels;
import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Keys and values of a sequence, one ragged list per block: a block holds only the positions it has computed, in pages of
 * 32 of them, so memory follows what is held. Pages are cut from slabs that the session's arena owns, and reused.
 *
 * <p>A page is laid out as panels, so that attention is the same product as a projection: per key/value head the keys as
 * {@code [headDim][32 positions]}, then per head and per 32 of its dimensions the values as {@code [32 positions][32]}.
 * Panels are of floats or of half floats, whose range ends at 65504: what is beyond is held as that.
 */
final class KvCache {
  /** Positions per page: the width of a panel. */
  static final int PAGE = 32;

  private static final long SLAB_BYTES = 1 << 20;

  private static final float LARGEST_HALF = 65504;

  private final PanelFormat format;
  private final int kvHeads;
  private final int headDim;
  private final int chunks;
  private final int columnBytes;
  private final long keyBytes;
  private final long valueBytes;
  private final long pageBytes;
  private final int pagesPerSlab;
  private final Arena arena;
  private final List<MemorySegment> slabs = new ArrayList<>();
  private final ArrayDeque<Page> free = new ArrayDeque<>();
  private final BlockKv[] blocks;

  /** A page: memory and where in it. */
  private record Page(MemorySegment slab, long offset) {}

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
    this.pageBytes = kvHeads * (keyBytes + chunks * valueBytes);
    this.pagesPerSlab = (int) Math.max(1, SLAB_BYTES / pageBytes);
    this.arena = arena;
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
    return slabs.size() * pagesPerSlab * pageBytes;
  }

  void clear() {
    for (BlockKv b : blocks) {
      b.truncate(0);
    }
  }

  private Page newPage() {
    if (free.isEmpty()) {
      MemorySegment slab = arena.allocate(pagesPerSlab * pageBytes, 64);
      slabs.add(slab);
      for (int i = 0; i < pagesPerSlab; i++) {
        free.add(new Page(slab, i * pageBytes));
      }
    }
    return free.poll();
  }

  /** What one block holds. */
  final class BlockKv {
    private Page[] pages = new Page[0];
    private int pageCount;
    private int[] positions = new int[0];
    private int count;

    /** Bytes of the pages in use. */
    long bytes() {
      return pageCount * pageBytes;
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
      int pagesNeeded = Math.ceilDiv(count + n, PAGE);
      if (pagesNeeded > pages.length) {
        pages = Arrays.copyOf(pages, Math.max(pagesNeeded, 2 * pages.length));
      }
      while (pageCount < pagesNeeded) {
        pages[pageCount++] = newPage();
      }
      if (count + n > positions.length) {
        positions = Arrays.copyOf(positions, Math.max(count + n, 2 * positions.length));
      }
      System.arraycopy(newPositions, from, positions, count, n);
      count += n;
    }

    /** Forgets all but the first {@code n}. */
    void truncate(int n) {
      count = Math.min(count, n);
      int pagesNeeded = Math.ceilDiv(count, PAGE);
      while (pageCount > pagesNeeded) {
        free.add(pages[--pageCount]);
        pages[pageCount] = null;
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
      return pages[page].slab;
    }

    /** Where a page's keys of a head begin: a panel of {@code headDim} rows. */
    long keyOffset(int page, int head) {
      return pages[page].offset + head * keyBytes;
    }

    /** Where a page's values of a head and of 32 of its dimensions begin: a panel of 32 rows, one per position. */
    long valueOffset(int page, int head, int chunk) {
      return pages[page].offset + kvHeads * keyBytes + (head * chunks + chunk) * valueBytes;
    }

    /** Product of rows of {@code x} with the panel at {@code offset} of a page, as {@link Kernels#panel}. */
    void panel(Kernels kernels, int page, long offset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
        int yOffset, int ldy, boolean accumulate) {
      kernels.panel(format, memory(page), offset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
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
