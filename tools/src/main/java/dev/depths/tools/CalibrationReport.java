package dev.depths.tools;

import dev.depths.loader.Calibration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The table of a calibration, as it is printed: from the most computed to the least, the dense model first.
 *
 * @param measured the speeds of its settings
 */
record CalibrationReport(Calibration calibration, SpeedRunner.Measured measured) {
  private static final List<String> COLUMNS = List.of(
      "capacity", "blocks run", "bytes read", "perplexity", "KL", "decode ms", "prefill ms", "speedup");

  /** For people; times are per token. */
  String table() {
    double dense = measured.speeds().denseDecodeMillis();
    List<List<Object>> lines = new ArrayList<>();
    lines.add(List.of("dense", percent(1), percent(1), number("%.4f", calibration.densePerplexity()), number("%.4f", 0),
        number("%.3f", dense), number("%.3f", measured.speeds().densePrefillMillis()), number("%.2f", 1)));
    for (int i = 0; i < measured.settings().size(); i++) {
      Calibration.Row row = row(i);
      SpeedRunner.Setting speed = measured.settings().get(i);
      lines.add(List.of(row.capacity(), percent(row.blocksRun()), percent(row.bytesRead()),
          number("%.4f", row.perplexity()), number("%.4f", row.kl()), number("%.3f", speed.decodeMillis()),
          number("%.3f", speed.prefillMillis()), number("%.2f", dense / speed.decodeMillis())));
    }
    return MarkdownTable.of(COLUMNS, lines);
  }

  /** For scripts. */
  Map<String, Object> fields() {
    Map<String, Object> fields = Json.object();
    fields.put("selection", calibration.rule().name().toLowerCase(Locale.ROOT));
    fields.put("text", calibration.text());
    fields.put("n_scored", calibration.tokens());
    Map<String, Object> dense = Json.object();
    dense.put("perplexity", calibration.densePerplexity());
    dense.put("decode_ms", measured.speeds().denseDecodeMillis());
    dense.put("prefill_ms", measured.speeds().densePrefillMillis());
    fields.put("dense", dense);
    List<Object> rows = new ArrayList<>();
    for (int i = 0; i < measured.settings().size(); i++) {
      Calibration.Row row = row(i);
      SpeedRunner.Setting speed = measured.settings().get(i);
      Map<String, Object> cells = Json.object();
      cells.put("capacity", row.capacity());
      cells.put("thresholds", row.thresholds());
      cells.put("blocks_run", row.blocksRun());
      cells.put("bytes_read", row.bytesRead());
      cells.put("perplexity", row.perplexity());
      cells.put("kl", row.kl());
      cells.put("decode_blocks_run", speed.blocksRun());
      cells.put("decode_ms", speed.decodeMillis());
      cells.put("prefill_ms", speed.prefillMillis());
      rows.add(cells);
    }
    fields.put("rows", rows);
    return fields;
  }

  /** Rows of calibrations ascend. */
  private Calibration.Row row(int i) {
    return calibration.rows().reversed().get(i);
  }

  private static String percent(double share) {
    return number("%.1f %%", 100 * share);
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
