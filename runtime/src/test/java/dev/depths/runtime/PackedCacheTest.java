package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.runtime.kernel.PackedMatrix;
import dev.depths.runtime.kernel.Packer;
import dev.depths.runtime.kernel.PanelFormat;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackedCacheTest {
  @TempDir
  Path directory;

  private final Arena arena = Arena.ofShared();
  private final Workers workers = new Workers(2);

  @AfterEach
  void close() {
    workers.close();
    arena.close();
  }

  private PackedMatrix random(PanelFormat format, int rows, int columns) {
    PackedMatrix m = Packer.allocate(format, rows, columns, arena);
    byte[] bytes = new byte[(int) m.bytes()];
    new Random(rows).nextBytes(bytes);
    m.data().asByteBuffer().put(bytes);
    return m;
  }

  private PackedCache open(String key) {
    return new PackedCache(directory.resolve("cache"), key, workers, arena);
  }

  private PackedCache stored(String key) {
    PackedCache cache = open(key);
    assertNull(cache.find("a", List.of(PanelFormat.I4_MIN), 70, 64));
    cache.add("a", random(PanelFormat.I4_MIN, 70, 64));
    // More than one chunk.
    assertNull(cache.find("b", List.of(PanelFormat.F32), 1031, 1100));
    cache.add("b", random(PanelFormat.F32, 1031, 1100));
    cache.store();
    return cache;
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve("cache"))) {
      return files.toList();
    }
  }

  @Test
  void givesBackWhatWasStored() throws IOException {
    stored("k");
    PackedCache again = open("k");
    for (PackedMatrix expected : List.of(random(PanelFormat.I4_MIN, 70, 64), random(PanelFormat.F32, 1031, 1100))) {
      PackedMatrix actual = again.find(expected.rows() == 70 ? "a" : "b", List.of(expected.format()), expected.rows(),
          expected.columns());
      assertNotNull(actual);
      assertEquals(0, actual.data().address() % 64);
      assertArrayEquals(expected.data().toArray(ValueLayout.JAVA_BYTE), actual.data().toArray(ValueLayout.JAVA_BYTE));
    }
    assertEquals(1, files().size());
  }

  @Test
  void anotherModelOrShapeIsAMiss() {
    stored("k");
    assertNull(open("other").find("a", List.of(PanelFormat.I4_MIN), 70, 64));
    assertNull(open("k").find("a", List.of(PanelFormat.I4), 70, 64));
    assertNull(open("k").find("a", List.of(PanelFormat.I4_MIN), 71, 64));
    assertNull(open("k").find("c", List.of(PanelFormat.I4_MIN), 70, 64));
  }

  /** Whatever byte is wrong, and wherever the file ends, it is not believed, and the next store mends it. */
  @Test
  void damagedFilesAreMisses() throws IOException {
    stored("k");
    Path file = files().getFirst();
    byte[] whole = Files.readAllBytes(file);
    List<byte[]> damaged = new ArrayList<>(List.of(new byte[0], new byte[] {1}));
    for (int at : new int[] {0, 9, 13, 17, 30, 60, 90, 5000, 4_300_000, whole.length - 30_000}) {
      byte[] flipped = whole.clone();
      flipped[at] ^= 4;
      damaged.add(flipped);
      damaged.add(Arrays.copyOf(whole, at));
    }
    for (byte[] bytes : damaged) {
      Files.write(file, bytes);
      assertNull(open("k").find("a", List.of(PanelFormat.I4_MIN), 70, 64));
    }
    stored("k");
    assertNotNull(open("k").find("a", List.of(PanelFormat.I4_MIN), 70, 64));
  }

  @Test
  void aDirectoryThatCannotBeWrittenCostsNothingElse() throws IOException {
    Files.writeString(directory.resolve("cache"), "a file where the directory should be");
    PackedCache cache = open("k");
    assertNull(cache.find("a", List.of(PanelFormat.I4_MIN), 70, 64));
    cache.add("a", random(PanelFormat.I4_MIN, 70, 64));
    cache.store();
    assertTrue(Files.isRegularFile(directory.resolve("cache")));
  }

  @Test
  void processesThatStartAtOnceDoNoHarm() throws InterruptedException, IOException {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      threads.add(Thread.ofPlatform().start(() -> {
        try (Workers own = new Workers(1); Arena memory = Arena.ofShared()) {
          for (int round = 0; round < 5; round++) {
            PackedCache cache = new PackedCache(directory.resolve("cache"), "k", own, memory);
            if (cache.find("a", List.of(PanelFormat.I4_MIN), 70, 64) == null) {
              cache.add("a", random(PanelFormat.I4_MIN, 70, 64));
            }
            cache.find("never", List.of(PanelFormat.F32), 1, 1);
            cache.store();
          }
        }
      }));
    }
    for (Thread t : threads) {
      t.join();
    }
    assertEquals(1, files().size());
    assertNotNull(open("k").find("a", List.of(PanelFormat.I4_MIN), 70, 64));
  }
}
