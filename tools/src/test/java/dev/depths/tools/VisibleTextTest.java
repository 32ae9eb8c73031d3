package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class VisibleTextTest {
  @Test
  void labelsShowWhiteSpaceAndHideNothing() {
    assertEquals("·the", VisibleText.label(" the"));
    assertEquals("↵→\\x0d\\xa0\\u{3000}", VisibleText.label("\n\t\r\u00a0\u3000"));
    assertEquals("\\x1b[31m\\x7f\\x9b\\x00", VisibleText.label("\u001b[31m\u007f\u009b\u0000"));
    assertEquals("a\\u{202e}b\\u{200d}\\u{feff}\\u{2028}", VisibleText.label("a\u202eb\u200d\ufeff\u2028"));
    assertEquals("\\u{ffff}\\u{d800}\\u{e000}", VisibleText.label("\uffff\ud800\ue000"));
    assertEquals("日🎉é", VisibleText.label("日🎉é"));
    assertEquals("◌\u0301a", VisibleText.label("\u0301a"));
    assertEquals("\\xf0\\x9f", VisibleText.hex(new byte[] {(byte) 0xF0, (byte) 0x9F}));
  }

  @Test
  void linesKeepSpaces() {
    assertEquals("a b\\x0a\\x1b", VisibleText.line("a b\n\u001b"));
  }

  @Test
  void runningTextKeepsLines() {
    assertEquals("a b\n\tc\\x1b[2J\\x0d\\x9b👩\u200d🚀", VisibleText.running("a b\n\tc\u001b[2J\r\u009b👩\u200d🚀"));
  }

  @Test
  void columnsAreThoseOfATerminal() {
    assertEquals(6, VisibleText.columns("ab日🎉"));
    assertEquals(1, VisibleText.columns("e\u0301"));
    assertEquals("abcd", VisibleText.clip("abcd", 4));
    assertEquals("abc…", VisibleText.clip("abcde", 4));
    assertEquals("日…", VisibleText.clip("日日日", 4));
    assertEquals("", VisibleText.clip("", 4));
  }
}
