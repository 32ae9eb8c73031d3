package dev.depths.loader.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Strings read in bulk are those that the JDK decodes, whatever their bytes and lengths. */
class Utf8ReaderTest {
  private static final int GAP = 8;

  /** Strings in one array, each after a gap. */
  private record InBytes(List<byte[]> strings, int[] ends, byte[] all) implements Utf8Strings {
    static InBytes of(List<byte[]> strings) {
      int[] ends = new int[strings.size()];
      int end = 0;
      for (int i = 0; i < ends.length; i++) {
        end += GAP + strings.get(i).length;
        ends[i] = end;
      }
      byte[] all = new byte[end];
      for (int i = 0; i < ends.length; i++) {
        System.arraycopy(strings.get(i), 0, all, ends[i] - strings.get(i).length, strings.get(i).length);
      }
      return new InBytes(strings, ends, all);
    }

    @Override
    public int size() {
      return ends.length;
    }

    @Override
    public int start(int index) {
      return (index == 0 ? 0 : ends[index - 1]) + GAP;
    }

    @Override
    public int end(int index) {
      return ends[index];
    }

    @Override
    public void copy(int start, int end, byte[] to) {
      System.arraycopy(all, start, to, 0, end - start);
    }
  }

  private static String read(Strings strings, int index) {
    char[] chars = new char[strings.maxLength(index) + 3];
    int end = strings.read(index, chars, 3);
    assertTrue(end <= chars.length);
    return new String(chars, 3, end - 3);
  }

  @Test
  void anyBytesInAnyOrder() {
    Random random = new Random(1);
    List<byte[]> strings = new ArrayList<>();
    // Every pair of bytes is well or badly formed in its own way.
    for (int i = 0; i < 1 << 16; i++) {
      strings.add(new byte[] {(byte) (i >> 8), (byte) i});
    }
    for (String text : List.of("", "a", "\u0120the", "\u2581caf\u00e9", "\uD83D\uDE00 smile", "x".repeat(200_000), "\u00e9".repeat(70_000))) {
      strings.add(text.getBytes(StandardCharsets.UTF_8));
    }
    for (int i = 0; i < 3000; i++) {
      byte[] bytes = new byte[random.nextInt(12)];
      random.nextBytes(bytes);
      strings.add(bytes);
    }
    Strings reader = new Utf8Reader(InBytes.of(strings));
    assertEquals(strings.size(), reader.size());
    for (int i = 0; i < strings.size(); i++) {
      assertEquals(new String(strings.get(i), StandardCharsets.UTF_8), read(reader, i), "string " + i);
    }
    for (int n = 0; n < 3000; n++) {
      int i = random.nextInt(strings.size());
      assertEquals(new String(strings.get(i), StandardCharsets.UTF_8), read(reader, i), "string " + i);
    }
  }
}
