package dev.depths.tools;

import java.util.List;
import java.util.stream.IntStream;

/** Markdown tables with columns as wide as what they hold; the first one is of text, the others are of numbers. */
final class MarkdownTable {
  private MarkdownTable() {}

  static String of(List<String> names, List<? extends List<?>> rows) {
    int[] widths = IntStream.range(0, names.size()).map(i -> Math.max(names.get(i).length(),
        rows.stream().mapToInt(row -> row.get(i).toString().length()).max().orElse(0))).toArray();
    StringBuilder table = new StringBuilder();
    line(table, widths, names);
    line(table, widths, IntStream.range(0, widths.length)
        .mapToObj(i -> "-".repeat(widths[i] - 1) + (i == 0 ? "-" : ":")).toList());
    rows.forEach(row -> line(table, widths, row));
    return table.toString();
  }

  private static void line(StringBuilder table, int[] widths, List<?> cells) {
    table.append('|');
    for (int i = 0; i < widths.length; i++) {
      table.append((" %" + (i == 0 ? "-" : "") + widths[i] + "s |").formatted(cells.get(i)));
    }
    table.append('\n');
  }
}
