package dev.depths.tools;

import dev.depths.runtime.Model;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Measures prompt processing and generation, as llama.cpp's llama-bench does. */
final class BenchCommand extends Command {
  private final ModelArgs model = new ModelArgs(this);

  private final Arg<List<Integer>> prompts = Arg.commaSeparated(Integer.class, "-p", "--n-prompt").label("N").orElse(512)
      .addTo(this, "Tokens of the prompt tests; 0 for none. Default: ${DEFAULT-VALUE}.");

  private final Arg<List<Integer>> generations = Arg.commaSeparated(Integer.class, "-n", "--n-gen").label("N").orElse(128)
      .addTo(this, "Tokens of the generation tests; 0 for none. Default: ${DEFAULT-VALUE}.");

  private final Arg<List<Integer>> depths = Arg.commaSeparated(Integer.class, "-d", "--n-depth").label("N").orElse(0)
      .addTo(this, "Tokens that the context holds before a test. Default: ${DEFAULT-VALUE}.");

  private final Arg<List<Integer>> batches = Arg.commaSeparated(Integer.class, "-b", "--batch").label("N").orElse(1)
      .addTo(this, "Sequences that generate together in a generation test. Default: ${DEFAULT-VALUE}.");

  private final Arg<Integer> repetitions = Arg.option(int.class, "-r", "--repetitions").label("N").orElse(5)
      .addTo(this, "Measured repetitions of each test. Default: ${DEFAULT-VALUE}.");

  private final Arg<List<Integer>> threads = Arg.commaSeparated(Integer.class, "-t", "--threads").label("N")
      .orElse(Runtime.getRuntime().availableProcessors()).addTo(this, "Threads that compute; one per core without it.");

  private final Arg<List<String>> routings = Arg.commaSeparated(String.class, "--routing").label("R")
      .addTo(this, "What routed blocks compute: " + BenchRouting.VALUES + ", or random:RATE[:SEED], that share of the tokens "
          + "(of a dense model: at every other block), a control of speed without any claim of quality. "
          + "Without it, and without the next four options, model.");

  private final DialArgs dial = new DialArgs(this);

  private final Arg<BenchFormat> format = Arg.option(BenchFormat.class, "-o", "--output").label("FORMAT").orElse("md")
      .addTo(this, "md, json, jsonl or csv, with llama-bench's field names. Default: ${DEFAULT-VALUE}.");

  private final Arg<Boolean> noWarmUp = Arg.flag("--no-warmup").addTo(this, "Measure from the first run on.");

  BenchCommand(Streams streams) {
    super(streams, "bench", "Measures the rates of prompt processing (pp) and text generation (tg), as llama-bench does.",
        "",
        "Lists such as -t 1,2 run every combination. The tokens are those of an English text. Each test",
        "first runs for two seconds unmeasured. Tokenising and sampling are not measured. 'blocks run' is",
        "the share of (token, block) pairs computed; 'GB/s' counts the weight bytes really read.",
        "Sequences that generate together (-b) begin at different places of the text and go on greedily;",
        "their rate is that of all of them.",
        "A calibrated model can be measured at a capacity, speed or quality of your choice, beside what",
        "--routing lists; the KL to be expected of it is told, and is the field expected_kl.",
        "Examples:",
        "  depths bench",
        "  depths bench -t 1,2 --routing model,dense",
        "  depths bench -m dense.gguf --routing random:0.125,dense -o csv",
        "  depths bench -p 0 -n 64 -b 1,2,4,8,16");
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    model.check();
    check("-p", prompts.value(), 0);
    check("-n", generations.value(), 0);
    check("-d", depths.value(), 0);
    check("-b", batches.value(), 1);
    check("-t", threads.value(), 1);
    check("-r", List.of(repetitions.value()), 1);
    dial.check();
    List<String> asked = routings.value() != null ? routings.value() : dial.isGiven() ? List.of() : List.of("model");
    List<BenchRouting> parsedRoutings = asked.stream().map(text -> BenchRouting.parse(text, this)).toList();
    BenchPrinter printer = BenchPrinter.of(format.value(), streams);
    boolean begun = false;
    for (int threadCount : threads.value()) {
      try (Model opened = model.open(streams, threadCount)) {
        BenchModel description = BenchModel.of(opened, model.path(streams));
        if (!begun) {
          printer.begin();
          begun = true;
        }
        if (!noWarmUp.value()) {
          opened.awaitWarmUp();
        }
        BenchRunner runner = new BenchRunner(opened, repetitions.value(), !noWarmUp.value());
        for (BenchTest test : tests(withDial(parsedRoutings, opened))) {
          printer.row(new BenchResult(description, test, threadCount, runner.run(test)));
        }
      }
    }
    printer.end();
    return 0;
  }

  /** Some routings, with what is to be expected of the model's own, and that of a dial if there is a wish. */
  private List<BenchRouting> withDial(List<BenchRouting> asked, Model opened) throws IOException {
    Optional<DialChoice> choice = dial.choose(opened, streams);
    if (choice.isEmpty()) {
      return asked;
    }
    streams.err().println(choice.get().line());
    List<BenchRouting> all = new ArrayList<>(asked);
    all.replaceAll(routing -> routing.text().equals(choice.get().wish()) ? BenchRouting.of(choice.get()) : routing);
    if (dial.isGiven()) {
      all.add(BenchRouting.of(choice.get()));
    }
    return all;
  }

  private List<BenchTest> tests(List<BenchRouting> parsedRoutings) {
    List<BenchTest> tests = new ArrayList<>();
    for (BenchRouting routing : parsedRoutings) {
      for (int depth : depths.value()) {
        prompts.value().stream().filter(n -> n > 0).forEach(n -> tests.add(new BenchTest(n, 0, depth, 1, routing)));
        for (int batch : batches.value()) {
          generations.value().stream().filter(n -> n > 0)
              .forEach(n -> tests.add(new BenchTest(0, n, depth, batch, routing)));
        }
      }
    }
    return tests;
  }

  private void check(String option, List<Integer> values, int least) {
    for (int value : values) {
      if (value < least) {
        throw usage(option + " must be at least " + least + ", not " + value);
      }
    }
  }
}
