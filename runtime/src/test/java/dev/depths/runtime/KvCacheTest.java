package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class KvCacheTest {
  private static final int BLOCKS = 3;

  /** What a block should hold, kept the simple way: positions, and keys and values [kvHeads · headDim]. */
  private record Entry(int position, float[] k, float[] v) {}

  @ParameterizedTest
  @CsvSource({"F32, 1, 8", "F16, 2, 64", "F32, 3, 20", "F16, 1, 48", "F16, 5, 33", "F32, 2, 64"})
  void holdsWhatWasPut(PanelFormat format, int kvHeads, int headDim) {
    try (Arena arena = Arena.ofConfined()) {
      KvCache cache = new KvCache(format, BLOCKS, kvHeads, headDim, arena);
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
    block.append(positions, 0, positions.length);
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
          float key = expected.get(i).k[2 + h * headDim + d];
          float value = expected.get(i).v[1 + h * headDim + d];
          assertEquals(held(block, key), get(block, page, block.keyOffset(page, h), d, slot));
          assertEquals(held(block, value), get(block, page, block.valueOffset(page, h, d / 32), slot, d % 32));
        }
      }
    }
  }

  private static float held(KvCache.BlockKv block, float x) {
    return block.format() == PanelFormat.F32 ? x : Float.float16ToFloat(Float.floatToFloat16(x));
  }

  /** A value in a column of a panel: half floats have rows 0 and 16, 1 and 17 and so on side by side. */
  private static float get(KvCache.BlockKv block, int page, long panel, int column, int row) {
    MemorySegment memory = block.memory(page);
    return block.format() == PanelFormat.F32
        ? memory.get(ValueLayout.JAVA_FLOAT, panel + 4L * (32 * column + row))
        : Float.float16ToFloat(memory.get(ValueLayout.JAVA_SHORT, panel + 2L * (32 * column + 2 * (row % 16) + row / 16)));
  }

  @ParameterizedTest
  @CsvSource({"1e5, 65504", "-1e30, -65504", "65519, 65504", "Infinity, 65504", "-Infinity, -65504", "65000, 64992"})
  void halvesAreBounded(float x, float expected) {
    try (Arena arena = Arena.ofConfined()) {
      KvCache.BlockKv block = new KvCache(PanelFormat.F16, 1, 1, 1, arena).block(0);
      block.append(new int[1], 0, 1);
      block.put(0, new float[] {x}, 0, new float[] {x}, 0);
      assertEquals(expected, get(block, 0, block.keyOffset(0, 0), 0, 0));
      assertEquals(expected, get(block, 0, block.valueOffset(0, 0, 0), 0, 0));
    }
  }

  @Test
  void holdsFloatsAndHalvesAlone() {
    try (Arena arena = Arena.ofConfined()) {
      assertThrows(IllegalArgumentException.class, () -> new KvCache(PanelFormat.BF12, 1, 1, 8, arena));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "F16"})
  void memoryFollowsWhatIsHeld(PanelFormat format) {
    try (Arena arena = Arena.ofConfined()) {
      int kvHeads = 4;
      int headDim = 64;
      long pageBytes = (format == PanelFormat.F32 ? 4L : 2L) * 2 * kvHeads * headDim * KvCache.PAGE;
      KvCache cache = new KvCache(format, 30, kvHeads, headDim, arena);
      assertEquals(0, cache.bytes());
      // One block of thirty holds much: memory is for that, not for all blocks.
      int pages = 200;
      append(cache, 7, pages * KvCache.PAGE);
      long slack = 1 << 20;
      assertTrue(cache.bytes() >= pages * pageBytes, () -> cache.bytes() + " bytes");
      assertTrue(cache.bytes() <= pages * pageBytes + slack, () -> cache.bytes() + " bytes");
      // What it gives back serves the others: all but the run of pages that it needs a part of.
      long full = cache.bytes();
      cache.block(7).truncate(KvCache.PAGE);
      for (int b = 8; b < 18; b++) {
        append(cache, b, 18 * KvCache.PAGE);
      }
      assertEquals(full, cache.bytes());
      cache.clear();
      append(cache, 0, pages * KvCache.PAGE);
      assertEquals(full, cache.bytes());
    }
  }

  private static void append(KvCache cache, int block, int n) {
    int first = cache.block(block).count();
    cache.block(block).append(IntStream.range(first, first + n).toArray(), 0, n);
  }
}
