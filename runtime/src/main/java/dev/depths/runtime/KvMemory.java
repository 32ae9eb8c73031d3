package dev.depths.runtime;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.agrona.collections.IntArrayList;

/**
 * Memory of a cache: runs of neighbouring pages, powers of two of them, which are halves of halves of slabs that the session's
 * arena owns. What is given back serves again, and memory grows only when nothing is free. A run is named by its first page,
 * counted over all slabs; numbers, not objects, for a decode takes pages and leaves no garbage.
 */
final class KvMemory {
  private static final long SLAB_BYTES = 1 << 20;

  /** Pages of a run whose keys are read nearly as fast as all memory. */
  private static final int MAX_RUN = 16;

  private final long pageBytes;
  private final int slabPages;
  private final Arena arena;
  private final List<MemorySegment> slabs = new ArrayList<>();
  /** First pages of free runs, by the logarithm of how many pages they have. */
  private final IntArrayList[] free;

  KvMemory(long pageBytes, Arena arena) {
    this.pageBytes = pageBytes;
    this.slabPages = Integer.highestOneBit((int) Math.max(1, SLAB_BYTES / pageBytes));
    this.arena = arena;
    this.free = new IntArrayList[log(slabPages) + 1];
    for (int i = 0; i < free.length; i++) {
      free[i] = new IntArrayList();
    }
  }

  /** Bytes of all slabs. */
  long bytes() {
    return slabs.size() * slabPages * pageBytes;
  }

  /** Memory of a page. */
  MemorySegment slab(int page) {
    return slabs.get(page / slabPages);
  }

  /** Where a page begins in its memory. */
  long offset(int page) {
    return page % slabPages * pageBytes;
  }

  /** Pages of the run to take when so many are wanted: no more than these, and fewer where only smaller runs are free. */
  int runOf(int most) {
    int wanted = log(Math.min(Math.min(most, MAX_RUN), slabPages));
    int largest = free.length - 1;
    while (largest >= 0 && free[largest].isEmpty()) {
      largest--;
    }
    return 1 << (largest < 0 ? wanted : Math.min(largest, wanted));
  }

  /** Takes a run of so many pages, a power of two. */
  int take(int pages) {
    int wanted = log(pages);
    int size = wanted;
    while (size < free.length && free[size].isEmpty()) {
      size++;
    }
    int run;
    if (size < free.length) {
      run = free[size].popInt();
    } else {
      run = slabs.size() * slabPages;
      slabs.add(arena.allocate(slabPages * pageBytes, 64));
      size = free.length - 1;
    }
    while (size > wanted) {
      size--;
      give(run + (1 << size), 1 << size);
    }
    return run;
  }

  /** Gives back a run of so many pages. */
  void give(int run, int pages) {
    free[log(pages)].addInt(run);
  }

  private static int log(int n) {
    return Integer.SIZE - 1 - Integer.numberOfLeadingZeros(n);
  }
}
