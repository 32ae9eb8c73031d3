package dev.depths.tools;

import java.util.Locale;
import java.util.function.IntFunction;
import picocli.CommandLine.Help.Ansi.Style;

/**
 * A map of routing for a terminal: below each token, as wide as its text, what the routed blocks decided on it. Rows of
 * tokens are as long as the terminal is wide.
 */
final class RoutingText {
  private static final String[] COMPUTED = {"░", "▒", "▓", "█"};
  private static final String SKIPPED = "─";
  private static final String[] BARS = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  private static final String BLUE = "33";
  private static final String GREY = "245";

  private final RoutingMap map;
  private final boolean colors;
  private final int nameColumns;
  private final int labelColumns;
  private final StringBuilder text = new StringBuilder();

  private RoutingText(RoutingMap map, boolean colors) {
    this.map = map;
    this.colors = colors;
    nameColumns = map.nameLength();
    labelColumns = label(map.rows().getFirst()).length();
  }

  /** @param width columns of the terminal */
  static String of(RoutingMap map, int width, boolean colors) {
    return new RoutingText(map, colors).render(width);
  }

  private String render(int width) {
    text.append(map.title()).append('\n');
    int[] widths = map.tokens().stream().mapToInt(token -> columns(token) + 1).toArray();
    for (Band band : Band.of(widths, width - labelColumns)) {
      text.append('\n');
      line("", band, token -> head(token));
      for (RoutedRow row : map.rows()) {
        line(label(row), band, token -> cell(row, token));
      }
      line("depth", band, token -> bar(token));
    }
    text.append("\ncomputed ░▒▓█ by the sigmoid of the score, in quarters from 0 to 1; skipped ").append(SKIPPED)
        .append("\ndepth ▁ to █: share of the routed blocks that ran a token\n");
    if (colors) {
      text.append(DepthColors.legend()).append('\n');
    }
    return text.append(map.totals()).append('\n').toString();
  }

  private String label(RoutedRow row) {
    return row.name() + " ".repeat(nameColumns - row.name().length())
        + String.format(Locale.ROOT, " %3.0f %%", 100 * row.share());
  }

  private static int columns(RoutedToken token) {
    return Math.max(1, VisibleText.columns(token.label()));
  }

  private void line(String label, Band band, IntFunction<String> cell) {
    text.append(label).append(" ".repeat(labelColumns - label.length()));
    for (int token = band.from(); token < band.to(); token++) {
      text.append(' ').append(cell.apply(token));
    }
    text.append('\n');
  }

  private String head(int token) {
    String label = map.tokens().get(token).label();
    String shown = label.isEmpty() ? " " : label;
    return colors ? DepthColors.paint(shown, map.depth(token)) : shown;
  }

  private String cell(RoutedRow row, int token) {
    boolean computed = row.computed()[token];
    String mark = computed ? COMPUTED[row.level(token, COMPUTED.length)] : SKIPPED;
    return fill(mark, token, computed ? BLUE : GREY);
  }

  private String bar(int token) {
    return fill(BARS[(int) Math.round(map.depth(token) * (BARS.length - 1))], token, GREY);
  }

  private String fill(String mark, int token, String color) {
    String filled = mark.repeat(columns(map.tokens().get(token)));
    return colors ? Style.fg(color).on() + filled + Style.reset.on() : filled;
  }
}
