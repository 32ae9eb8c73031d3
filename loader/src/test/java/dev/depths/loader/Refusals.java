package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.function.Executable;

/** Asserts that something is refused with the right type and a message of one line that says where and why. */
final class Refusals {
  private Refusals() {}

  static void assertMalformed(String where, String problem, Executable action) {
    assertMessage(assertThrows(MalformedFileException.class, action), where, problem);
  }

  static void assertUnsupported(String what, String supported, Executable action) {
    assertMessage(assertThrows(UnsupportedModelException.class, action), what, supported);
  }

  private static void assertMessage(LoadException e, String... parts) {
    assertEquals(1, e.getMessage().lines().count(), e.getMessage());
    int from = 0;
    for (String part : parts) {
      int at = e.getMessage().indexOf(part, from);
      assertTrue(at >= 0, "\"" + e.getMessage() + "\" does not say \"" + part + "\" after position " + from);
      from = at + part.length();
    }
  }
}
