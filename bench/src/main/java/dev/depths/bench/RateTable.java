package dev.depths.bench;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The rates of {@link Work}, and which share they are of what a probe reached in the same run. */
final class RateTable {
  private static final String PROBE = "ProbeBenchmark.";

  private RateTable() {}

  /** A table in Markdown, or nothing if no benchmark counts its work. */
  static String markdown(List<Measured> results) {
    StringBuilder rows = new StringBuilder();
    for (Measured m : results) {
      m.rates().forEach((name, rate) -> {
        double peak = peak(results, name, m.threads());
        rows.append(String.format(Locale.ROOT, "| %s | %s | %d | %.1f | %.2f %s | %s |%n",
            m.benchmark().replace("Benchmark.", "."), parameters(m, results), m.threads(), m.score(), rate,
            Work.UNITS.get(name),
            Double.isNaN(peak) ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * rate / peak)));
      });
    }
    return rows.isEmpty() ? "" : """

        | benchmark | parameters | threads | score/s | rate | of the probe's |
        |---|---|---:|---:|---:|---:|
        """ + rows;
  }

  /** The probe's rate of the same work on as many threads, or NaN. */
  private static double peak(List<Measured> results, String rate, int threads) {
    return results.stream()
        .filter(m -> m.benchmark().startsWith(PROBE) && m.threads() == threads && m.rates().containsKey(rate))
        .mapToDouble(m -> m.rates().get(rate)).max().orElse(Double.NaN);
  }

  /** Those that differ between the benchmark's results. */
  private static String parameters(Measured m, List<Measured> results) {
    List<Measured> same = results.stream().filter(other -> other.benchmark().equals(m.benchmark())).toList();
    return m.parameters().entrySet().stream()
        .filter(p -> !p.getKey().equals("threads"))
        .filter(p -> same.stream().map(other -> other.parameters().get(p.getKey()))
            .collect(Collectors.toSet()).size() > 1)
        .map(p -> p.getKey() + "=" + p.getValue())
        .collect(Collectors.joining(", "));
  }
}
