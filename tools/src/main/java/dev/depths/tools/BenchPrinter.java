package dev.depths.tools;

import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;

/** Prints the benchmark's rows as they come, in llama-bench's formats. */
abstract class BenchPrinter {
  final Streams streams;

  private BenchPrinter(Streams streams) {
    this.streams = streams;
  }

  static BenchPrinter of(BenchFormat format, Streams streams) {
    return switch (format) {
      case md -> new Markdown(streams);
      case json -> new JsonArray(streams);
      case jsonl -> new JsonLines(streams);
      case csv -> new Csv(streams);
    };
  }

  void begin() {}

  abstract void row(BenchResult result);

  void end() {}

  private static final class Markdown extends BenchPrinter {
    private static final String ROW = "| %-30s | %10s | %10s | %-10s | %7s | %-12s | %15s | %20s | %10s | %7s |%n";

    Markdown(Streams streams) {
      super(streams);
    }

    @Override
    void begin() {
      line("model", "size", "params", "backend", "threads", "routing", "test", "t/s", "blocks run", "GB/s");
      line("-".repeat(30), "-".repeat(9) + ":", "-".repeat(9) + ":", "-".repeat(10), "-".repeat(6) + ":",
          "-".repeat(12), "-".repeat(14) + ":", "-".repeat(19) + ":", "-".repeat(9) + ":", "-".repeat(6) + ":");
    }

    @Override
    void row(BenchResult result) {
      BenchSamples samples = result.samples();
      line(result.model().type(), size(result.model().bytes()), parameters(result.model().parameters()), "CPU",
          result.threads(), result.test().routing().text(), result.test().name(),
          String.format(Locale.ROOT, "%.2f ± %.2f", samples.meanRate(), samples.rateDeviation()),
          String.format(Locale.ROOT, "%.1f %%", 100 * samples.shareRun()),
          String.format(Locale.ROOT, "%.2f", samples.gigabytesPerSecond()));
    }

    @Override
    void end() {
      streams.print("\nbuild: " + Version.commit() + ", " + Cpu.NAME + ", JDK " + Runtime.version() + "\n");
    }

    private void line(Object... cells) {
      streams.print(String.format(Locale.ROOT, ROW, cells));
    }

    private static String size(long bytes) {
      double mebibytes = bytes / 1024.0 / 1024.0;
      return mebibytes < 1024
          ? String.format(Locale.ROOT, "%.2f MiB", mebibytes)
          : String.format(Locale.ROOT, "%.2f GiB", mebibytes / 1024);
    }

    private static String parameters(long parameters) {
      return parameters < 1_000_000_000
          ? String.format(Locale.ROOT, "%.2f M", parameters / 1e6)
          : String.format(Locale.ROOT, "%.2f B", parameters / 1e9);
    }
  }

  private static final class Csv extends BenchPrinter {
    private boolean headed;

    Csv(Streams streams) {
      super(streams);
    }

    @Override
    void row(BenchResult result) {
      if (!headed) {
        headed = true;
        streams.print(String.join(",", result.fields().keySet()) + "\n");
      }
      streams.print(result.fields().values().stream()
          .map(value -> "\"" + Objects.toString(value, "").replace("\"", "\"\"") + "\"")
          .collect(Collectors.joining(",")) + "\n");
    }
  }

  private static final class JsonLines extends BenchPrinter {
    JsonLines(Streams streams) {
      super(streams);
    }

    @Override
    void row(BenchResult result) {
      streams.print(Json.compact(result.fieldsWithSamples()) + "\n");
    }
  }

  private static final class JsonArray extends BenchPrinter {
    private boolean first = true;

    JsonArray(Streams streams) {
      super(streams);
    }

    @Override
    void begin() {
      streams.print("[\n");
    }

    @Override
    void row(BenchResult result) {
      streams.print((first ? "" : ",\n") + Json.pretty(result.fieldsWithSamples()).indent(2).stripTrailing());
      first = false;
    }

    @Override
    void end() {
      streams.print("\n]\n");
    }
  }
}
