package dev.depths.tools;

import java.util.Locale;

/** What HTML and SVG have in common: escapes, and the colours of a map. */
final class Markup {
  /** Steps in which the sigmoid of a score is shown, from 0 to 1. */
  static final int LEVELS = 10;

  private static final int[] LIGHT_COMPUTED = {0x8FBBE3, 0x08306B};
  private static final int[] LIGHT_SKIPPED = {0xC6CCD3, 0x59636E};
  private static final int[] DARK_COMPUTED = {0x1F4E80, 0xA5D6FF};
  private static final int[] DARK_SKIPPED = {0x3D444D, 0x9198A1};

  private Markup() {}

  /** A text within an element or a quoted attribute. */
  static String escape(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
  }

  /** The class of a cell: {@code c0} to {@code c9} if it is computed, {@code s0} to {@code s9} if it is skipped. */
  static String shade(boolean computed, int level) {
    return (computed ? "c" : "s") + level;
  }

  /** The class of what a row decided on a token. */
  static String shade(RoutedRow row, int position) {
    return shade(row.computed()[position], row.level(position, LEVELS));
  }

  /** Style rules that give the classes their colour as a property; stronger is a higher score, in dark surroundings too. */
  static String shades(String property) {
    return rules(property, LIGHT_COMPUTED, LIGHT_SKIPPED)
        + "@media (prefers-color-scheme: dark) {\n" + rules(property, DARK_COMPUTED, DARK_SKIPPED) + "}\n";
  }

  private static String rules(String property, int[] computed, int[] skipped) {
    StringBuilder rules = new StringBuilder();
    for (int level = 0; level < LEVELS; level++) {
      rules.append(rule(true, level, property, computed)).append(rule(false, level, property, skipped));
    }
    return rules.toString();
  }

  private static String rule(boolean isComputed, int level, String property, int[] range) {
    int color = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
      int low = range[0] >> shift & 0xFF;
      int high = range[1] >> shift & 0xFF;
      color |= low + (high - low) * level / (LEVELS - 1) << shift;
    }
    return String.format(Locale.ROOT, ".%s { %s: #%06x }\n", shade(isComputed, level), property, color);
  }
}
