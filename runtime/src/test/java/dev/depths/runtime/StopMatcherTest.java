package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StopMatcherTest {
  @ParameterizedTest
  @CsvSource({
      "abcd, bc",
      "one two three, ' two'",
      "aaab, aab",
      "ababac, abac",
      "no stop, xyz",
      "ends with a beginning xy, xyz",
      "abcd, abcd|bc",
      "abcd, abcd|bcd|d",
      "xabcabd, abd|cab",
      "stop, stop",
      "tail st, stop",
      "aXbYc, Y|X",
  })
  void everySplitGivesTheSame(String text, String stops) {
    List<String> list = List.of(stops.split("\\|"));
    String expected = search(text, list);
    // Each bit says whether a piece ends after that character.
    for (int splits = 0; splits < 1 << Math.min(text.length() - 1, 12); splits++) {
      List<String> pieces = new ArrayList<>();
      int from = 0;
      for (int i = 1; i < text.length(); i++) {
        if ((splits >> i - 1 & 1) != 0) {
          pieces.add(text.substring(from, i));
          from = i;
        }
      }
      pieces.add(text.substring(from));
      assertEquals(expected, run(pieces, list), () -> "split as " + pieces);
    }
  }

  @Test
  void randomTextsAndSplits() {
    Random random = new Random(1);
    for (int round = 0; round < 20_000; round++) {
      String text = word(random, 30);
      List<String> stops = new ArrayList<>();
      for (int i = random.nextInt(4); i >= 0; i--) {
        stops.add(word(random, 5));
      }
      List<String> pieces = new ArrayList<>();
      for (int at = 0; at < text.length();) {
        int n = Math.min(random.nextInt(6), text.length() - at);
        pieces.add(text.substring(at, at + n));
        at += n;
      }
      assertEquals(search(text, stops), run(pieces, stops), () -> pieces + " until " + stops);
    }
  }

  /** Of two letters, so that stop texts overlap themselves and each other. */
  private static String word(Random random, int max) {
    StringBuilder s = new StringBuilder();
    for (int n = 1 + random.nextInt(max); n > 0; n--) {
      s.append(random.nextInt(3) == 0 ? 'b' : 'a');
    }
    return s.toString();
  }

  @Test
  void holdsBackNoMoreThanItMust() {
    StopMatcher m = new StopMatcher(List.of("END", "\n\n"));
    assertEquals("text ", m.push("text E"));
    assertEquals("E", m.push("E"));
    assertEquals("ExN", m.push("xN"));
    assertEquals("", m.push("\n"));
    assertEquals("\na", m.push("a"));
    assertFalse(m.stopped());
    assertEquals("", m.push("EN"));
    assertEquals("EN", m.flush());
    assertEquals("", m.flush());
  }

  @Test
  void withoutStopTextsAllPasses() {
    StopMatcher m = new StopMatcher(List.of());
    assertEquals("anything", m.push("anything"));
    assertEquals("", m.flush());
    assertFalse(m.stopped());
  }

  @Test
  void nothingComesAfterTheStop() {
    StopMatcher m = new StopMatcher(List.of("|"));
    assertEquals("before", m.push("before|after"));
    assertTrue(m.stopped());
    assertEquals("", m.flush());
  }

  /** What the pieces give until a stop text appears, or in all. */
  private static String run(List<String> pieces, List<String> stops) {
    StopMatcher m = new StopMatcher(stops);
    StringBuilder text = new StringBuilder();
    for (String piece : pieces) {
      text.append(m.push(piece));
      if (m.stopped()) {
        return text.append('!').toString();
      }
    }
    return text.append(m.flush()).toString();
  }

  /** The stop text that is complete first ends the text where it begins; of those that end together, the longest. */
  private static String search(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      String head = text.substring(0, end);
      int longest = stops.stream().filter(head::endsWith).mapToInt(String::length).max().orElse(0);
      if (longest > 0) {
        return head.substring(0, end - longest) + '!';
      }
    }
    return text;
  }
}
