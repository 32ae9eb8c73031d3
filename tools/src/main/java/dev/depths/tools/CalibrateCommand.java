package dev.depths.tools;

import dev.depths.loader.Calibration;
import dev.depths.loader.CalibrationWriter;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Unit;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Speeds;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/** Measures what a Mixture-of-Depths model's thresholds cost and save, and keeps the table for the dial. */
final class CalibrateCommand extends Command {
  /** The shortest window with something to score. */
  private static final int MIN_CONTEXT = 3;

  private final Arg<String> file = Arg.option(String.class, "-f", "--file").label("FILE")
      .addTo(this, "The text, UTF-8; - reads standard input. Without it a short English one that comes with Depths.");

  private final ModelArgs model = new ModelArgs(this);

  private final SelectionArg selection = SelectionArg.forGeneration(this);

  private final Arg<List<Double>> capacities = Arg.commaSeparated(Double.class, "--capacities").label("C")
      .orElse("1,0.9,0.8,0.7,0.6,0.5,0.4,0.3,0.2")
      .addTo(this, "The shares of the routed blocks' work to calibrate. Default: ${DEFAULT-VALUE}.");

  private final Arg<Integer> context = Arg.option(int.class, "-c", "--ctx").label("N").orElse(512)
      .addTo(this, "Tokens of a window, whose second half is scored. Default: ${DEFAULT-VALUE}.");

  private final Arg<Integer> chunks = Arg.option(int.class, "--chunks").label("N").orElse(8)
      .addTo(this, "Most windows. Default: ${DEFAULT-VALUE}.");

  private final Arg<Integer> repetitions = Arg.option(int.class, "-r", "--repetitions").label("N").orElse(5)
      .addTo(this, "Measurements of each speed, of which the median counts. Default: ${DEFAULT-VALUE}.");

  private final ThreadArgs threads = new ThreadArgs(this);

  private final Arg<Boolean> speedOnly = Arg.flag("--speed-only")
      .addTo(this, "Measure the speeds alone, of the settings that the adapter or model has, for this machine.");

  private final Arg<Path> out = Arg.option(Path.class, "-o", "--out").label("FILE")
      .addTo(this, "Write a copy of the adapter or model with the table, instead of the table into it.");

  private final Arg<Boolean> json = Arg.flag("--json").addTo(this, "Print the table as one JSON object.");

  CalibrateCommand(Streams streams) {
    super(streams, "calibrate", "Measures what a Mixture-of-Depths model's capacities cost and save, for --capacity and the like.",
        "",
        "For each capacity thresholds are chosen by the routers' scores on the text; then the Kullback-Leibler",
        "divergence from the dense model (KL, in nats per token), perplexity, the share of routed blocks and of",
        "weight bytes, and the time of a token are measured. What does not depend on the machine is stored in",
        "the adapter (or model); the times in the cache directory, for this machine and number of threads.",
        "Examples:",
        "  depths calibrate",
        "  depths calibrate -m model.gguf --adapter mod.safetensors -f text.txt -o calibrated.safetensors",
        "  depths calibrate --speed-only -t 1");
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    checkOptions();
    int threadCount = threads.count();
    String text = file.value() == null ? BenchText.read() : InputText.read(this, null, file.value(), "");
    Path target = speedOnly.value() ? null : target();
    try (Model tested = model.open(streams, threadCount)) {
      Rule rule = rule(tested);
      if (!speedOnly.value()) {
        ModelArgs.requireContext(tested, context.value(), "model");
      }
      try (Model base = model.adapterPath().isEmpty() ? null : model.openDense(streams, threadCount)) {
        Model dense = base == null ? tested : base;
        if (speedOnly.value()) {
          measureSpeeds(tested, dense, text);
        } else {
          calibrate(tested, dense, new QualityRunner(tested, dense, rule,
              TextWindows.of(text, tested.tokenizer(), context.value(), chunks.value()), streams), target);
        }
      }
    }
    return 0;
  }

  private void checkOptions() {
    model.check();
    selection.check();
    check("--ctx", context.value(), MIN_CONTEXT);
    check("--chunks", chunks.value(), 1);
    check("--repetitions", repetitions.value(), 1);
    if (capacities.value().stream().anyMatch(c -> !(c > 0 && c <= 1))) {
      throw usage("--capacities must be above 0, up to 1, not " + capacities.value());
    }
    if (speedOnly.value() && (out.value() != null || file.value() != null)) {
      throw usage("--speed-only and " + (out.value() != null ? "--out" : "--file") + " exclude each other");
    }
  }

  private void check(String option, int value, int least) {
    if (value < least) {
      throw usage(option + " must be at least " + least + ", not " + value);
    }
  }

  /** Where the table goes; what stands in the way is told before anything is measured. */
  private Path target() throws IOException {
    Path source = model.carrier(streams);
    CalibrationWriter.check(source);
    Path target = out.value() == null ? source : out.value();
    Path directory = target.toAbsolutePath().getParent();
    if (Files.isDirectory(directory) && !Files.isWritable(directory)) {
      throw new CommandException(directory + ": cannot be written to" + (out.value() == null ? "; -o FILE writes a copy" : ""));
    }
    return target;
  }

  private Rule rule(Model tested) {
    ModDescriptor mod = ModelArgs.routed(tested);
    if (mod.unit() == Unit.SEQUENCE) {
      throw new CommandException("the model decides on whole sequences, which no threshold gives a capacity");
    }
    Rule rule = selection.causalRule(mod);
    if (rule == null) {
      throw new CommandException("the model selects by top-k, which cannot generate; --selection threshold or predictor says on "
          + "which scores to set thresholds");
    }
    return rule;
  }

  private void measureSpeeds(Model tested, Model dense, String text) throws IOException, InterruptedException {
    Calibration stored = tested.calibration().orElseThrow(() -> DialArgs.notCalibrated("the model"));
    List<Routing> routings =
        stored.rows().reversed().stream().map(row -> Routing.thresholds(stored.rule(), row.thresholds())).toList();
    int[] tokens = tested.tokenizer().encode(text, true, false);
    try (SpeedRunner runner = new SpeedRunner(tested, dense, routings, tokens)) {
      SpeedRunner.Measured measured = runner.run(repetitions.value(), streams);
      print(new CalibrationReport(stored, measured));
      write(tested, measured.speeds());
    }
  }

  private void calibrate(Model tested, Model dense, QualityRunner runner, Path target) throws IOException, InterruptedException {
    List<Double> descending = capacities.value().stream().distinct().sorted(Comparator.reverseOrder()).toList();
    List<QualityRunner.Quality> qualities = runner.measure(descending);
    if (qualities.size() < descending.size()) {
      streams.err().println("note: " + (descending.size() - qualities.size()) + " of the capacities come to the same as "
          + "others and are left out");
    }
    List<Routing> routings = qualities.stream().map(quality -> runner.routing(quality.threshold())).toList();
    try (SpeedRunner speeds = new SpeedRunner(tested, dense, routings, runner.windows().tokens())) {
      SpeedRunner.Measured measured = speeds.run(repetitions.value(), streams);
      Calibration calibration = runner.calibration(qualities, measured.bytesRead(), textName());
      print(new CalibrationReport(calibration, measured));
      CalibrationWriter.write(model.carrier(streams), calibration, target);
      streams.err().println("wrote " + target);
      write(tested, measured.speeds());
    }
  }

  private String textName() {
    return file.value() == null ? BenchText.NAME
        : file.value().equals("-") ? "standard input" : Path.of(file.value()).getFileName().toString();
  }

  private void write(Model tested, Speeds speeds) throws IOException {
    streams.err().println("wrote " + SpeedsFile.write(tested, speeds));
  }

  private void print(CalibrationReport report) {
    streams.print(json.value() ? Json.pretty(report.fields()) + "\n" : report.table());
  }
}
