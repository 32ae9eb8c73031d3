package dev.depths.loader;

import dev.depths.loader.Calibration.Row;
import dev.depths.loader.ModDescriptor.Rule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/** A calibration as the keys {@code mod.calibration.*}: a column of its table is an array. */
final class CalibrationKeys {
  /** Of all keys, after {@code mod.}. */
  static final String PREFIX = "calibration.";
  private static final String SELECTION = "selection";
  private static final String CAPACITY = "capacity";
  private static final String THRESHOLD = "threshold";
  private static final String BLOCKS_RUN = "blocks_run";
  private static final String BYTES_READ = "bytes_read";
  private static final String PERPLEXITY = "perplexity";
  private static final String KL = "kl";
  private static final String DENSE_PERPLEXITY = "dense_perplexity";
  private static final String TOKENS = "tokens";
  private static final String TEXT = "text";
  private static final Set<String> FRACTIONS =
      Set.of(CAPACITY, THRESHOLD, BLOCKS_RUN, BYTES_READ, PERPLEXITY, KL, DENSE_PERPLEXITY);
  private static final int MAX_ROWS = 1 << 10;

  private final Metadata metadata;

  private CalibrationKeys(Metadata metadata) {
    this.metadata = metadata;
  }

  /** Whether a key, without {@code mod.}, is one of a calibration. */
  static boolean isKey(String name) {
    String column = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : "";
    return isFraction(name) || column.equals(SELECTION) || column.equals(TOKENS) || column.equals(TEXT);
  }

  /** Whether the values of such a key are fractions, which JSON may write as integers. */
  static boolean isFraction(String name) {
    return name.startsWith(PREFIX) && FRACTIONS.contains(name.substring(PREFIX.length()));
  }

  /**
   * The calibration of a model with a descriptor, or empty if there is none.
   *
   * @throws MalformedFileException if it is not one of this descriptor
   */
  static Optional<Calibration> read(Metadata metadata, ModDescriptor mod) {
    boolean given = metadata.keys().stream().anyMatch(k -> k.startsWith(ModReader.PREFIX + PREFIX));
    return given ? Optional.of(new CalibrationKeys(metadata).read(mod.blocks().size())) : Optional.empty();
  }

  private Calibration read(int blocks) {
    List<Double> capacities = column(CAPACITY, 0, 1);
    int n = capacities.size();
    if (n == 0 || n > MAX_ROWS) {
      throw malformed(CAPACITY, "has " + n + " values, expected 1 to " + MAX_ROWS);
    }
    List<Double> thresholds = column(THRESHOLD, 0, 1);
    if (thresholds.size() != n && thresholds.size() != (long) n * blocks) {
      throw malformed(THRESHOLD, "has " + thresholds.size() + " values, expected " + n + ", or " + n + " for each of "
          + blocks + " blocks");
    }
    List<Double> run = column(BLOCKS_RUN, 0, 1, n);
    List<Double> bytes = column(BYTES_READ, 0, Double.MAX_VALUE, n);
    List<Double> perplexities = column(PERPLEXITY, 1, Double.MAX_VALUE, n);
    List<Double> kls = column(KL, 0, Double.MAX_VALUE, n);
    int width = thresholds.size() / n;
    try {
      List<Row> rows = new ArrayList<>();
      for (int i = 0; i < n; i++) {
        List<Double> own = new ArrayList<>();
        for (int b = 0; b < blocks; b++) {
          own.add(thresholds.get(i * width + b % width));
        }
        rows.add(new Row(capacities.get(i), own, run.get(i), bytes.get(i), perplexities.get(i), kls.get(i)));
      }
      return new Calibration(rule(), rows, metadata.number(key(DENSE_PERPLEXITY), 1, Double.MAX_VALUE)
          .orElseThrow(() -> malformed(DENSE_PERPLEXITY, "is missing")),
          metadata.integer(key(TOKENS), 1, Integer.MAX_VALUE).orElseThrow(() -> malformed(TOKENS, "is missing")),
          metadata.string(key(TEXT)).orElse(""));
    } catch (IllegalArgumentException e) {
      throw new MalformedFileException(metadata.file(), "mod.calibration", e.getMessage());
    }
  }

  private Rule rule() {
    String spelling = metadata.string(key(SELECTION)).orElseThrow(() -> malformed(SELECTION, "is missing"));
    Rule rule = ModSpelling.CAUSAL_RULES.get(spelling);
    if (rule == null) {
      throw metadata.unsupported(key(SELECTION) + " is " + Metadata.shown(spelling) + "; supported are "
          + ModSpelling.CAUSAL_RULES.keySet().stream().sorted().toList());
    }
    return rule;
  }

  private List<Double> column(String name, double min, double max, int rows) {
    List<Double> column = column(name, min, max);
    if (column.size() != rows) {
      throw malformed(name, "has " + column.size() + " values, expected one for each of " + rows + " capacities");
    }
    return column;
  }

  private List<Double> column(String name, double min, double max) {
    List<?> values = metadata.list(key(name)).orElseThrow(() -> malformed(name, "is missing"));
    List<Double> column = new ArrayList<>();
    for (Object value : values) {
      if (!(value instanceof Number number) || !(number.doubleValue() >= min && number.doubleValue() <= max)) {
        throw malformed(name, "holds " + Metadata.shown(value) + ", expected numbers of at least " + min
            + (max == Double.MAX_VALUE ? "" : " up to " + max));
      }
      column.add(number.doubleValue());
    }
    return column;
  }

  private static String key(String name) {
    return ModReader.PREFIX + PREFIX + name;
  }

  private MalformedFileException malformed(String name, String problem) {
    return metadata.malformed(key(name), problem);
  }

  /** The members of the JSON object {@code calibration}, which are the keys after {@code mod.calibration.}. */
  static Map<String, Object> write(Calibration calibration) {
    Map<String, Object> keys = new LinkedHashMap<>();
    List<Row> rows = calibration.rows();
    keys.put(SELECTION, ModSpelling.of(calibration.rule(), ModSpelling.CAUSAL_RULES));
    keys.put(CAPACITY, column(rows, Row::capacity));
    boolean one = rows.stream().allMatch(row -> row.thresholds().stream().distinct().count() == 1);
    keys.put(THRESHOLD, one ? column(rows, row -> row.thresholds().getFirst())
        : rows.stream().flatMap(row -> row.thresholds().stream()).toList());
    keys.put(BLOCKS_RUN, column(rows, Row::blocksRun));
    keys.put(BYTES_READ, column(rows, Row::bytesRead));
    keys.put(PERPLEXITY, column(rows, Row::perplexity));
    keys.put(KL, column(rows, Row::kl));
    keys.put(DENSE_PERPLEXITY, calibration.densePerplexity());
    keys.put(TOKENS, calibration.tokens());
    keys.put(TEXT, calibration.text());
    return keys;
  }

  private static List<Double> column(List<Row> rows, ToDoubleFunction<Row> value) {
    return rows.stream().map(value::applyAsDouble).toList();
  }
}
