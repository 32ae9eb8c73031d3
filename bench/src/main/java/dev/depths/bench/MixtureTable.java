package dev.depths.bench;

import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Mixture of Depths against dense. If time went with the work alone (bytes of weights for a decode, floating-point
 * operations for a prefill), the rates would differ by the dense model's work per token over the routed one's: that is
 * the prediction.
 */
final class MixtureTable {
  private static final String ROUTING = "routing";
  private static final String DENSE = "dense";

  private MixtureTable() {}

  /** A table in Markdown, or nothing if there is no dense result to compare with. */
  static String markdown(List<Measured> results) {
    Map<Object, Measured> dense = new HashMap<>();
    List<Measured> counted = results.stream().filter(m -> !m.rates().isEmpty()).toList();
    for (Measured m : counted) {
      if (DENSE.equals(m.parameters().get(ROUTING))) {
        dense.put(test(m), m);
      }
    }
    StringBuilder rows = new StringBuilder();
    for (Measured m : counted) {
      Measured base = dense.get(test(m));
      if (base != null) {
        rows.append(row(m, base));
      }
    }
    return rows.isEmpty() ? "" : """

        | test | threads | capacity | tokens/s | against dense | predicted | reached |
        |---|---:|---:|---:|---:|---:|---:|
        """ + rows;
  }

  /** What results have in common that differ by the routing alone. */
  private static Object test(Measured m) {
    Map<String, String> others = new HashMap<>(m.parameters());
    others.remove(ROUTING);
    return List.of(m.benchmark(), others);
  }

  private static String row(Measured m, Measured dense) {
    double ratio = m.score() / dense.score();
    double predicted = workPerToken(dense) / workPerToken(m);
    String depth = m.parameters().getOrDefault("depth", "0");
    String method = m.benchmark().substring(m.benchmark().indexOf('.') + 1);
    return String.format(Locale.ROOT, "| %s | %d | %s | %.1f | %.2f | %.2f | %.0f %% |%n",
        depth.equals("0") ? method : method + " after " + depth, m.threads(),
        capacity(m.parameters().get(ROUTING)), m.score(), ratio, predicted, 100 * ratio / predicted);
  }

  private static String capacity(String routing) {
    return routing.equals(DENSE) ? DENSE : String.format(Locale.ROOT, "%.1f %%", 100 * Double.parseDouble(routing));
  }

  private static double workPerToken(Measured m) {
    return m.rates().values().iterator().next() / m.score();
  }
}
