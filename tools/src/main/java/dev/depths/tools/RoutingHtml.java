package dev.depths.tools;

import java.util.Locale;

/**
 * A map of routing as a page that is complete in itself. It is XML too. Tokens stand in rows of some hundred characters,
 * each above what the routed blocks decided on it; a window that is too narrow scrolls them under the names of the blocks.
 */
final class RoutingHtml {
  private static final int ROW_COLUMNS = 110;
  private static final int LEAST_COLUMNS = 3;

  private static final String STYLE = """
      :root { color-scheme: light dark; --page: #fff; --text: #1f2328; --quiet: #59636e; --bar: #cfe3f7 }
      @media (prefers-color-scheme: dark) {
        :root { --page: #0d1117; --text: #e6edf3; --quiet: #9198a1; --bar: #1d3f66 }
      }
      body { margin: 1.5rem; background: var(--page); color: var(--text); font: 14px/1.5 system-ui, sans-serif }
      h1 { margin: 0; font-size: 1.25rem; overflow-wrap: anywhere }
      p { margin: .25rem 0 }
      .legend { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; color: var(--quiet) }
      .legend table { display: inline-table; vertical-align: -3px; margin: 0 .4rem }
      .legend > span { white-space: nowrap }
      .legend td { width: 12px; padding: 0 }
      .band { margin-top: 1.25rem; overflow-x: auto }
      table { border-collapse: separate; border-spacing: 0 }
      th, td { padding: 0 3px; border: 1px solid var(--page); background-clip: padding-box; white-space: pre }
      thead th { font: 13px/1.5 ui-monospace, monospace; text-align: center }
      .band tr > :first-child { position: sticky; left: 0; padding-right: 10px; background-color: var(--page) }
      tbody th { font-weight: normal; line-height: 18px; text-align: left }
      tbody th span { display: inline-block; min-width: var(--names) }
      tbody th span + span { min-width: 3.5em; text-align: right; color: var(--quiet) }
      tfoot th { font-weight: normal; text-align: left; color: var(--quiet) }
      tfoot td { min-width: 18px; text-align: center; font-size: 11px; line-height: 20px;
        background: linear-gradient(to top, var(--bar) var(--share), transparent 0) }
      td[class^=c] { background-color: var(--shade) }
      td[class^=s] { background: linear-gradient(var(--shade), var(--shade)) center / calc(100% - 6px) 2px no-repeat }
      tbody td:hover { outline: 2px solid var(--text); outline-offset: -1px }
      """;

  private final RoutingMap map;
  private final StringBuilder html = new StringBuilder();

  private RoutingHtml(RoutingMap map) {
    this.map = map;
  }

  static String of(RoutingMap map) {
    return new RoutingHtml(map).render();
  }

  private String render() {
    String title = Markup.escape(map.title());
    html.append("""
        <!DOCTYPE html>
        <html xmlns="http://www.w3.org/1999/xhtml" lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        """);
    html.append("<title>Routing of ").append(title).append("</title>\n<style>\n").append(STYLE)
        .append(Markup.shades("--shade")).append("</style>\n</head>\n")
        .append("<body style=\"--names: ").append(map.nameLength()).append("ch\">\n");
    html.append("<h1>Routing of ").append(title).append("</h1>\n<p>").append(map.totals()).append("</p>\n");
    legend();
    int[] widths = map.tokens().stream()
        .mapToInt(token -> 1 + Math.max(LEAST_COLUMNS, VisibleText.columns(token.label()))).toArray();
    Band.of(widths, ROW_COLUMNS).forEach(this::band);
    return html.append("</body>\n</html>\n").toString();
  }

  private void legend() {
    html.append("<div class=\"legend\">\n");
    scale("computed", true);
    scale("skipped", false);
    html.append("<span>beside a block: the share of the tokens that it computed</span>\n")
        .append("<span>below a token: the share of the routed blocks that ran it</span>\n</div>\n");
  }

  private void scale(String name, boolean computed) {
    html.append("<span>").append(name).append(", sigmoid of the score 0<table><tbody><tr>");
    for (int level = 0; level < Markup.LEVELS; level++) {
      html.append("<td class=\"").append(Markup.shade(computed, level)).append("\">&#160;</td>");
    }
    html.append("</tr></tbody></table>1</span>\n");
  }

  private void band(Band band) {
    html.append("<div class=\"band\"><table>\n<thead><tr><td></td>");
    for (int i = band.from(); i < band.to(); i++) {
      RoutedToken token = map.tokens().get(i);
      html.append("<th scope=\"col\" title=\"position ").append(i).append(", token ").append(token.id()).append("\">")
          .append(Markup.escape(token.label())).append("</th>");
    }
    html.append("</tr></thead>\n<tbody>\n");
    for (RoutedRow row : map.rows()) {
      row(row, band);
    }
    html.append("</tbody>\n<tfoot><tr><th scope=\"row\">blocks run, %</th>");
    for (int i = band.from(); i < band.to(); i++) {
      long share = Math.round(100 * map.depth(i));
      html.append(String.format(Locale.ROOT, "<td style=\"--share: %d%%\">%d</td>", share, share));
    }
    html.append("</tr></tfoot>\n</table></div>\n");
  }

  private void row(RoutedRow row, Band band) {
    html.append(String.format(Locale.ROOT,
        "<tr><th scope=\"row\" title=\"%d of %d tokens\"><span>%s</span><span>%.0f %%</span></th>",
        row.count(), map.tokens().size(), row.name(), 100 * row.share()));
    for (int i = band.from(); i < band.to(); i++) {
      html.append("<td class=\"").append(Markup.shade(row, i)).append("\" title=\"")
          .append(Markup.escape(map.describe(row, i))).append("\"></td>");
    }
    html.append("</tr>\n");
  }
}
