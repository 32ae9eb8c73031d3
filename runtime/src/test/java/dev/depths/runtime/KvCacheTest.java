package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvCacheTest {
  private static final int BLOCKS = 3;

  /** What a block should hold, kept the simple way: positions, and keys and values [kvHeads · headDim]. */
  private record Entry(int position, float[] k, float[] v) {}

  @ParameterizedTest
  @CsvSource({"1, 8", "2, 64", "3, 20", "1, 48", "5, 33"})
  void holdsWhatWasPut(int kvHeads, int headDim) {
    try (Arena arena = Arena.ofConfined()) {
      KvCache cache = new KvCache(BLOCKS, kvHeads, headDim, arena);
      List<List<Entry>> expected = IntStream.range(0, BLOCKS).<List<Entry>>mapToObj(_ -> new ArrayList<>()).toList();
      Random random = new Random(headDim);
      int position = 0;
      for (int step = 0; step < 60; step++) {
        int b = random.nextInt(BLOCKS);
        KvCache.BlockKv block = cache.block(b);
        List<Entry> held = expected.get(b);
        switch (random.nextInt(6)) {
          case 0 -> {
            int n = random.nextInt(held.size() + 10);
            block.truncate(n);
            held.subList(Math.min(n, held.size()), held.size()).clear();
          }
          case 1 -> {
            int from = position - random.nextInt(80);
            block.truncateAt(from);
            held.removeIf(e -> e.position >= from);
          }
          default -> position = append(block, held, position, kvHeads * headDim, random);
        }
        for (int i = 0; i < BLOCKS; i++) {
          assertHolds(expected.get(i), cache.block(i), kvHeads, headDim);
        }
      }
      cache.clear();
      for (int b = 0; b < BLOCKS; b++) {
        assertEquals(0, cache.block(b).count());
        assertEquals(0, cache.block(b).positions().length);
      }
    }
  }

  /** Up to 70 positions, some left out between them; returns the next free one. */
  private static int append(KvCache.BlockKv block, List<Entry> held, int position, int width, Random random) {
    int[] positions = new int[random.nextInt(71)];
    for (int i = 0; i < positions.length; i++) {
      position += 1 + random.nextInt(3);
      positions[i] = position;
    }
    int first = block.count();
    block.append(positions, positions.length);
    for (int i = 0; i < positions.length; i++) {
      float[] k = new float[width + 2];
      float[] v = new float[width + 1];
      for (int j = 0; j < width; j++) {
        k[j + 2] = random.nextFloat();
        v[j + 1] = random.nextFloat();
      }
      block.put(first + i, k, 2, v, 1);
      held.add(new Entry(positions[i], k, v));
    }
    return position + 1;
  }

  private static void assertHolds(List<Entry> expected, KvCache.BlockKv block, int kvHeads, int headDim) {
    assertEquals(expected.size(), block.count());
    assertArrayEquals(expected.stream().mapToInt(Entry::position).toArray(), block.positions());
    for (int i = 0; i < expected.size(); i++) {
      int page = i / KvCache.PAGE;
      int slot = i % KvCache.PAGE;
      for (int h = 0; h < kvHeads; h++) {
        for (int d = 0; d < headDim; d++) {
          long key = block.keyOffset(page, h) + 4L * (d * KvCache.PAGE + slot);
          long value = block.valueOffset(page, h, d / 32) + 4L * (slot * 32 + d % 32);
          assertEquals(expected.get(i).k[2 + h * headDim + d], block.memory(page).get(ValueLayout.JAVA_FLOAT, key));
          assertEquals(expected.get(i).v[1 + h * headDim + d], block.memory(page).get(ValueLayout.JAVA_FLOAT, value));
        }
      }
    }
  }

  @Test
  void memoryFollowsWhatIsHeld() {
    try (Arena arena = Arena.ofConfined()) {
      int kvHeads = 4;
      int headDim = 64;
      long pageBytes = 4L * 2 * kvHeads * headDim * KvCache.PAGE;
      KvCache cache = new KvCache(30, kvHeads, headDim, arena);
      assertEquals(0, cache.bytes());
      // One block of thirty holds much: memory is for that, not for all blocks.
      int pages = 200;
      append(cache, 7, pages * KvCache.PAGE);
      long slack = 1 << 20;
      assertTrue(cache.bytes() >= pages * pageBytes, () -> cache.bytes() + " bytes");
      assertTrue(cache.bytes() <= pages * pageBytes + slack, () -> cache.bytes() + " bytes");
      // What it gives back serves the others.
      long full = cache.bytes();
      cache.block(7).truncate(KvCache.PAGE);
      for (int b = 8; b < 18; b++) {
        append(cache, b, 19 * KvCache.PAGE);
      }
      assertEquals(full, cache.bytes());
      cache.clear();
      append(cache, 0, pages * KvCache.PAGE);
      assertEquals(full, cache.bytes());
    }
  }

  private static void append(KvCache cache, int block, int n) {
    int first = cache.block(block).count();
    cache.block(block).append(IntStream.range(first, first + n).toArray(), n);
  }
}
