package dev.depths.tools;

import java.time.temporal.ChronoUnit;
import java.util.Map;

/** One row of the benchmark. */
record BenchResult(BenchModel model, BenchTest test, int threads, BenchSamples samples) {
  /** Fields with llama-bench's names, and after them Depths's own. The samples are left out: tables have no lists. */
  Map<String, Object> fields() {
    Map<String, Object> fields = Json.object();
    fields.put("build_commit", Version.commit());
    fields.put("cpu_info", Cpu.NAME);
    fields.put("backends", "CPU");
    fields.put("model_filename", model.file());
    fields.put("model_type", model.type());
    fields.put("model_size", model.bytes());
    fields.put("model_n_params", model.parameters());
    fields.put("n_threads", threads);
    fields.put("n_prompt", test.prompt());
    fields.put("n_gen", test.generated());
    fields.put("n_depth", test.depth());
    fields.put("test_time", samples.time().truncatedTo(ChronoUnit.SECONDS).toString());
    fields.put("avg_ns", Math.round(samples.meanNanos()));
    fields.put("stddev_ns", Math.round(samples.nanosDeviation()));
    fields.put("avg_ts", samples.meanRate());
    fields.put("stddev_ts", samples.rateDeviation());
    fields.put("n_sequences", test.batch());
    fields.put("routing", test.routing().text());
    fields.put("blocks_run", samples.shareRun());
    fields.put("weight_gb_per_s", samples.gigabytesPerSecond());
    fields.put("expected_kl", test.routing().expectedKl().isPresent() ? test.routing().expectedKl().getAsDouble() : null);
    return fields;
  }

  /** The fields and the samples. */
  Map<String, Object> fieldsWithSamples() {
    Map<String, Object> fields = fields();
    fields.put("samples_ns", samples.nanos());
    fields.put("samples_ts", samples.rates());
    return fields;
  }
}
