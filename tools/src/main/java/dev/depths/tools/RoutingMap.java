package dev.depths.tools;

import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.runtime.Counters;
import dev.depths.runtime.RoutingListener;
import dev.depths.runtime.Session;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Which tokens of a text the routed blocks of a model computed.
 *
 * @param model the model's file name
 * @param adapter the adapter's, or null
 * @param rule by which it was chosen
 * @param tokens the text's
 * @param rows one for each routed part of a block, in the order in which they run
 */
record RoutingMap(String model, String adapter, Rule rule, List<RoutedToken> tokens, List<RoutedRow> rows) {
  /** Computes tokens, the first of a session, and gives what was decided on them. */
  static List<RoutedRow> record(Session session, int[] ids) {
    List<RoutedRow> rows = new ArrayList<>();
    for (Counters.RoutedPart routed : session.counters().routed()) {
      rows.add(new RoutedRow(routed.block(), routed.part(), ids.length));
    }
    session.onRouting(new Recorder(rows));
    session.prefill(ids);
    return rows;
  }

  private record Recorder(List<RoutedRow> rows) implements RoutingListener {
    @Override
    public void onDecision(int block, Part part, int position, float score, boolean computed) {
      for (RoutedRow row : rows) {
        if (row.block() == block && row.part() == part) {
          row.scores()[position] = score;
          row.computed()[position] = computed;
        }
      }
    }
  }

  /** The share of the routed blocks, or halves, that ran a token. */
  double depth(int position) {
    return (double) rows.stream().filter(row -> row.computed()[position]).count() / rows.size();
  }

  /** Characters of the longest name of a row. */
  int nameLength() {
    return rows.stream().mapToInt(row -> row.name().length()).max().orElseThrow();
  }

  private int computed() {
    return rows.stream().mapToInt(RoutedRow::count).sum();
  }

  private int decisions() {
    return tokens.size() * rows.size();
  }

  /** A line that says what ran. */
  String title() {
    return VisibleText.line(adapter == null ? model : model + " with " + adapter);
  }

  /** A line of totals. */
  String totals() {
    String routed = rows.getFirst().part() == Part.BLOCK ? "blocks" : "parts of blocks";
    return String.format(Locale.ROOT,
        "%d tokens, selection by %s; %.1f %% of the passes through %d routed %s were run: %d of %d",
        tokens.size(), ruleName(), 100.0 * computed() / decisions(), rows.size(), routed, computed(), decisions());
  }

  private String ruleName() {
    return rule.name().toLowerCase(Locale.ROOT);
  }

  /** What a routed part decided on a token, for a label of its own. */
  String describe(RoutedRow row, int position) {
    return tokens.get(position).label() + " at position " + position + ", " + row.decision(position);
  }

  /** For scripts. */
  Map<String, Object> json() {
    Map<String, Object> json = Json.object();
    json.put("model", model);
    json.put("adapter", adapter);
    json.put("selection", ruleName());
    json.put("tokens", jsonTokens());
    json.put("blocks", rows.stream().map(RoutingMap::json).toList());
    Map<String, Object> totals = Json.object();
    totals.put("tokens", tokens.size());
    totals.put("decisions", decisions());
    totals.put("computed", computed());
    totals.put("share", (double) computed() / decisions());
    json.put("totals", totals);
    return json;
  }

  private List<Object> jsonTokens() {
    List<Object> list = new ArrayList<>();
    for (int i = 0; i < tokens.size(); i++) {
      Map<String, Object> token = Json.object();
      token.put("position", i);
      token.put("id", tokens.get(i).id());
      token.put("text", tokens.get(i).text());
      token.put("share", depth(i));
      list.add(token);
    }
    return list;
  }

  private static Map<String, Object> json(RoutedRow row) {
    List<Integer> computed = new ArrayList<>();
    List<Float> scores = new ArrayList<>();
    for (int i = 0; i < row.scores().length; i++) {
      computed.add(row.computed()[i] ? 1 : 0);
      // JSON has no numbers that are not finite.
      scores.add(Float.isFinite(row.scores()[i]) ? row.scores()[i] : null);
    }
    Map<String, Object> json = Json.object();
    json.put("block", row.block());
    json.put("part", row.partName());
    json.put("computed", computed);
    json.put("scores", scores);
    json.put("share", row.share());
    return json;
  }
}
