package dev.depths.tools;

import java.util.Locale;
import org.jline.utils.WCWidth;

/** Text of which nothing is hidden, and on which no terminal or parser of markup acts. */
final class VisibleText {
  private VisibleText() {}

  /** For a label of its own: white space as marks, all that is invisible as escapes. */
  static String label(String text) {
    StringBuilder label = new StringBuilder();
    text.codePoints().forEach(c -> {
      switch (c) {
        case ' ' -> label.append('·');
        case '\n' -> label.append('↵');
        case '\t' -> label.append('→');
        default -> append(label, c);
      }
    });
    boolean combines = !label.isEmpty() && isMark(label.codePointAt(0));
    return combines ? "◌" + label : label.toString();
  }

  /** For a name within a line: all that is invisible as escapes, but for spaces. */
  static String line(String text) {
    StringBuilder line = new StringBuilder();
    text.codePoints().forEach(c -> append(line, c));
    return line.toString();
  }

  /** For a terminal, as it stands: control characters as escapes, but for ends of lines and tabs. */
  static String running(String text) {
    StringBuilder running = new StringBuilder();
    text.codePoints().forEach(c -> {
      if (Character.isISOControl(c) && c != '\n' && c != '\t') {
        append(running, c);
      } else {
        running.appendCodePoint(c);
      }
    });
    return running.toString();
  }

  /** Bytes that are no text. */
  static String hex(byte[] bytes) {
    StringBuilder hex = new StringBuilder();
    for (byte b : bytes) {
      hex.append(escape(b & 0xFF));
    }
    return hex.toString();
  }

  /** A label, of which no more than so many columns of a terminal are shown. */
  static String clip(String label, int columns) {
    if (columns(label) <= columns) {
      return label;
    }
    int end = 0;
    for (int taken = 0; end < label.length(); ) {
      int c = label.codePointAt(end);
      taken += columns(c);
      if (taken >= columns) {
        break;
      }
      end += Character.charCount(c);
    }
    return label.substring(0, end) + "…";
  }

  /** Columns of a terminal that a label takes. */
  static int columns(String label) {
    return label.codePoints().map(VisibleText::columns).sum();
  }

  private static int columns(int c) {
    return Math.max(0, WCWidth.wcwidth(c));
  }

  private static void append(StringBuilder text, int c) {
    boolean invisible = c != ' ' && switch (Character.getType(c)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
          Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> true;
      default -> false;
    };
    if (invisible) {
      text.append(escape(c));
    } else {
      text.appendCodePoint(c);
    }
  }

  private static boolean isMark(int c) {
    int type = Character.getType(c);
    return type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK;
  }

  private static String escape(int c) {
    return String.format(Locale.ROOT, c < 0x100 ? "\\x%02x" : "\\u{%x}", c);
  }
}
