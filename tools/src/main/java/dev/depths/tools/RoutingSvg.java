package dev.depths.tools;

import java.util.List;
import java.util.Locale;

/** A map of routing as a drawing: rows of tokens, each above what the routed blocks decided on it. */
final class RoutingSvg {
  private static final int ROW_COLUMNS = 120;
  private static final int LEAST_COLUMNS = 3;
  private static final int LEAST_WIDTH = 700;
  /** Of a monospaced font of 12 px, and about as much as a character of another takes at most. */
  private static final double COLUMN = 7.25;
  private static final int MARGIN = 12;
  private static final int LINE = 18;
  private static final int CELL = 14;
  private static final int GAP = 2;
  private static final int BASELINE = 11;
  private static final int BAND_GAP = 16;
  private static final int HEAD = 5 * LINE;

  private static final String QUIET = " class=\"quiet\"";

  private static final String STYLE = """
      .page { fill: #fff }
      text { fill: #1f2328 }
      .title { font-weight: bold }
      .quiet { fill: #59636e }
      .bar { fill: #cfe3f7 }
      .mono { font-family: ui-monospace, 'DejaVu Sans Mono', monospace; text-anchor: middle }
      @media (prefers-color-scheme: dark) {
        .page { fill: #0d1117 }
        text { fill: #e6edf3 }
        .quiet { fill: #9198a1 }
        .bar { fill: #1d3f66 }
      }
      """;

  private final RoutingMap map;
  private final int[] columns;
  private final int labelWidth;
  private final StringBuilder svg = new StringBuilder();

  private RoutingSvg(RoutingMap map) {
    this.map = map;
    columns = map.tokens().stream()
        .mapToInt(token -> 1 + Math.max(LEAST_COLUMNS, VisibleText.columns(token.label()))).toArray();
    labelWidth = map.nameLength() * 7 + 52;
  }

  static String of(RoutingMap map) {
    return new RoutingSvg(map).render();
  }

  private String render() {
    List<Band> bands = Band.of(columns, ROW_COLUMNS);
    double widest = bands.stream().mapToDouble(band -> x(band, band.to())).max().orElseThrow();
    double title = MARGIN + VisibleText.columns(map.title()) * COLUMN;
    int width = (int) Math.max(LEAST_WIDTH, Math.ceil(Math.max(widest, title)) + MARGIN);
    int bandHeight = LINE + map.rows().size() * (CELL + GAP) + LINE + BAND_GAP;
    int height = MARGIN + HEAD + bands.size() * bandHeight;
    svg.append(String.format(Locale.ROOT, """
        <svg xmlns="http://www.w3.org/2000/svg" width="%1$d" height="%2$d" viewBox="0 0 %1$d %2$d" \
        font-family="system-ui, sans-serif" font-size="12" role="img">
        """, width, height));
    svg.append("<title>Routing of ").append(Markup.escape(map.title())).append("</title>\n<style>\n").append(STYLE)
        .append(Markup.shades("fill")).append("</style>\n");
    svg.append("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n");
    text(" class=\"title\"", MARGIN, MARGIN + BASELINE, Markup.escape(map.title()));
    text(QUIET, MARGIN, MARGIN + LINE + BASELINE, map.totals());
    legend(MARGIN + 2 * LINE);
    for (int i = 0; i < bands.size(); i++) {
      band(bands.get(i), MARGIN + HEAD + i * bandHeight);
    }
    return svg.append("</svg>\n").toString();
  }

  private void legend(int y) {
    scale(MARGIN, y, "computed", true);
    scale(MARGIN + 230, y, "skipped", false);
    text(QUIET, MARGIN + 460, y + BASELINE, "by the sigmoid of the score, 0 to 1");
    text(QUIET, MARGIN, y + LINE + BASELINE, "beside a block: the share of the tokens that it computed; "
        + "below a token: the share of the routed blocks that ran it");
  }

  private void scale(int x, int y, String name, boolean computed) {
    text(QUIET, x, y + BASELINE, name);
    for (int level = 0; level < Markup.LEVELS; level++) {
      cell(x + 72 + level * CELL, y, CELL - 1, computed, Markup.shade(computed, level), "");
    }
  }

  private double x(Band band, int token) {
    double x = MARGIN + labelWidth;
    for (int i = band.from(); i < token; i++) {
      x += columns[i] * COLUMN;
    }
    return x;
  }

  private void band(Band band, int top) {
    int bottom = top + LINE + map.rows().size() * (CELL + GAP);
    for (int r = 0; r < map.rows().size(); r++) {
      RoutedRow row = map.rows().get(r);
      int y = top + LINE + r * (CELL + GAP);
      text("", MARGIN, y + BASELINE, row.name());
      svg.append(String.format(Locale.ROOT,
          "<text%s x=\"%d\" y=\"%d\" text-anchor=\"end\">%.0f %%<title>computed %d of %d tokens</title></text>\n", QUIET,
          MARGIN + labelWidth - 8, y + BASELINE, 100 * row.share(), row.count(), map.tokens().size()));
    }
    text(QUIET, MARGIN, bottom + BASELINE, "blocks run, %");
    for (int i = band.from(); i < band.to(); i++) {
      token(i, x(band, i), top, bottom);
    }
  }

  private void token(int i, double x, int top, int bottom) {
    double width = columns[i] * COLUMN - GAP;
    text(" class=\"mono\"", x + width / 2, top + BASELINE, Markup.escape(map.tokens().get(i).label()));
    for (int r = 0; r < map.rows().size(); r++) {
      RoutedRow row = map.rows().get(r);
      cell(x, top + LINE + r * (CELL + GAP), width, row.computed()[i], Markup.shade(row, i),
          "<title>" + Markup.escape(map.describe(row, i)) + "</title>");
    }
    double bar = CELL * map.depth(i);
    svg.append(String.format(Locale.ROOT, "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
        x, bottom + CELL - bar, width, bar));
    svg.append(String.format(Locale.ROOT,
        "<text x=\"%.1f\" y=\"%d\" font-size=\"10\" text-anchor=\"middle\">%.0f</text>\n",
        x + width / 2, bottom + BASELINE, 100 * map.depth(i)));
  }

  /** A full cell if it is computed, else a line that passes it by. */
  private void cell(double x, int y, double width, boolean computed, String shade, String content) {
    double inset = computed ? 0 : 2;
    svg.append(String.format(Locale.ROOT,
        "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\">%s</rect>\n",
        shade, x + inset, computed ? y : y + CELL / 2 - 1, width - 2 * inset, computed ? CELL : 2, content));
  }

  private void text(String attributes, double x, int y, String content) {
    svg.append(String.format(Locale.ROOT, "<text%s x=\"%.1f\" y=\"%d\">%s</text>\n", attributes, x, y, content));
  }
}
