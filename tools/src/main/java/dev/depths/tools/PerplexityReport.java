package dev.depths.tools;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The measurement of a model's perplexity.
 *
 * @param reference what it was compared with, as the user wrote it, or null
 * @param batch tokens of a pass
 */
record PerplexityReport(
    BenchModel model, boolean exact, String routing, int threads, int batch, TextWindows windows, String reference,
    PerplexityScores scores) {
  private static final double TAIL = 0.99;

  /** For scripts; fields that the benchmark has too have the same names. Divergences are in nats. */
  Map<String, Object> fields() {
    Map<String, Object> fields = Json.object();
    fields.put("build_commit", Version.commit());
    fields.put("cpu_info", Cpu.NAME);
    fields.put("model_filename", model.file());
    fields.put("model_type", model.type());
    fields.put("model_size", model.bytes());
    fields.put("model_n_params", model.parameters());
    fields.put("n_threads", threads);
    fields.put("routing", routing);
    fields.put("exact", exact);
    fields.put("n_ctx", windows.length());
    fields.put("n_batch", batch);
    fields.put("n_chunks", windows.count());
    fields.put("n_scored", windows.scored());
    fields.put("perplexity", scores.perplexity().value());
    fields.put("perplexity_stderr", scores.perplexity().standardError());
    if (reference != null) {
      double[] divergences = scores.divergences();
      fields.put("reference", reference);
      fields.put("reference_perplexity", scores.referencePerplexity().value());
      fields.put("reference_perplexity_stderr", scores.referencePerplexity().standardError());
      fields.put("kl_mean", Statistics.mean(divergences));
      fields.put("kl_mean_stderr", Statistics.standardError(divergences));
      fields.put("kl_median", Statistics.quantile(divergences, 0.5));
      fields.put("kl_p99", Statistics.quantile(divergences, TAIL));
      fields.put("kl_max", Statistics.quantile(divergences, 1));
      fields.put("same_top", scores.sameTopShare());
    }
    return fields;
  }

  /** For people: a table of the model, and one of how it compares with the reference. */
  String tables() {
    String table = MarkdownTable.of(
        List.of("model", "routing", "ctx", "batch", "windows", "tokens", "perplexity"),
        List.of(List.of(model.type() + (exact ? ", exact" : ""), routing, windows.length(), batch, windows.count(),
            windows.scored(), perplexity(scores.perplexity()))));
    if (reference == null) {
      return table;
    }
    double[] divergences = scores.divergences();
    return table + "\n" + MarkdownTable.of(
        List.of("reference", "its perplexity", "KL mean", "KL median", "KL 99 %", "KL max", "same top"),
        List.of(List.of(Path.of(reference).getFileName(), perplexity(scores.referencePerplexity()),
            nats(Statistics.mean(divergences)) + " ± " + nats(Statistics.standardError(divergences)),
            nats(Statistics.quantile(divergences, 0.5)), nats(Statistics.quantile(divergences, TAIL)),
            nats(Statistics.quantile(divergences, 1)),
            String.format(Locale.ROOT, "%.2f %%", 100 * scores.sameTopShare()))));
  }

  private static String perplexity(PerplexityScores.Perplexity perplexity) {
    return String.format(Locale.ROOT, "%.4f ± %.4f", perplexity.value(), perplexity.standardError());
  }

  private static String nats(double divergence) {
    return String.format(Locale.ROOT, "%.6f", divergence);
  }
}
