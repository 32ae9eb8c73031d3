package dev.depths.tools;

import dev.depths.runtime.Model;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures prompt processing and generation, as llama.cpp's llama-bench does. */
@Command(
    name = "bench",
    description = "Measures the rates of prompt processing (pp) and text generation (tg), as llama-bench does.",
    mixinStandardHelpOptions = true,
    versionProvider = DepthsCommand.Version.class,
    sortOptions = false,
    footer = {
      "",
      "Lists such as -t 1,2 run every combination. The tokens are those of an English text. Each test",
      "first runs for two seconds unmeasured. Tokenising and sampling are not measured. 'blocks run' is",
      "the share of (token, block) pairs computed; 'GB/s' counts the weight bytes really read.",
      "Examples:",
      "  depths bench",
      "  depths bench -t 1,2 --routing model,dense",
      "  depths bench -m dense.gguf --routing random:0.125,dense -o csv"
    })
final class BenchCommand implements Callable<Integer> {
  private final Streams streams;

  @Spec
  CommandSpec spec;

  @Mixin
  ModelArgs model;

  @Option(names = {"-p", "--n-prompt"}, paramLabel = "N", split = ",", defaultValue = "512",
      description = "Tokens of the prompt tests; 0 for none. Default: ${DEFAULT-VALUE}.")
  List<Integer> prompts;

  @Option(names = {"-n", "--n-gen"}, paramLabel = "N", split = ",", defaultValue = "128",
      description = "Tokens of the generation tests; 0 for none. Default: ${DEFAULT-VALUE}.")
  List<Integer> generations;

  @Option(names = {"-d", "--n-depth"}, paramLabel = "N", split = ",", defaultValue = "0",
      description = "Tokens that the context holds before a test. Default: ${DEFAULT-VALUE}.")
  List<Integer> depths;

  @Option(names = {"-r", "--repetitions"}, paramLabel = "N", defaultValue = "5",
      description = "Measured repetitions of each test. Default: ${DEFAULT-VALUE}.")
  int repetitions;

  @Option(names = {"-t", "--threads"}, paramLabel = "N", split = ",",
      description = "Threads that compute; one per core without it.")
  List<Integer> threads = List.of(Runtime.getRuntime().availableProcessors());

  @Option(names = "--routing", paramLabel = "R", split = ",", defaultValue = "model",
      description = "model, dense, or random:RATE[:SEED], which computes that share of the tokens at each routed block "
          + "(of a dense model: at every other block), a control of speed without any claim of quality. "
          + "Default: ${DEFAULT-VALUE}.")
  List<String> routings;

  @Option(names = {"-o", "--output"}, paramLabel = "FORMAT", defaultValue = "md",
      description = "md, json, jsonl or csv, with llama-bench's field names. Default: ${DEFAULT-VALUE}.")
  BenchFormat format;

  @Option(names = "--no-warmup", description = "Measure from the first run on.")
  boolean noWarmUp;

  BenchCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    model.check();
    check("-p", prompts, 0);
    check("-n", generations, 0);
    check("-d", depths, 0);
    check("-t", threads, 1);
    check("-r", List.of(repetitions), 1);
    List<BenchRouting> parsedRoutings = routings.stream().map(text -> BenchRouting.parse(text, spec)).toList();
    List<BenchTest> tests = tests(parsedRoutings);
    BenchPrinter printer = BenchPrinter.of(format, streams);
    boolean begun = false;
    for (int threadCount : threads) {
      try (Model opened = model.open(streams, threadCount)) {
        BenchModel description = BenchModel.of(opened, model.path(streams));
        if (!begun) {
          printer.begin();
          begun = true;
        }
        if (!noWarmUp) {
          opened.awaitWarmUp();
        }
        BenchRunner runner = new BenchRunner(opened, repetitions, !noWarmUp);
        for (BenchTest test : tests) {
          printer.row(new BenchResult(description, test, threadCount, runner.run(test)));
        }
      }
    }
    printer.end();
    return 0;
  }

  private List<BenchTest> tests(List<BenchRouting> parsedRoutings) {
    List<BenchTest> tests = new ArrayList<>();
    for (BenchRouting routing : parsedRoutings) {
      for (int depth : depths) {
        prompts.stream().filter(n -> n > 0).forEach(n -> tests.add(new BenchTest(n, 0, depth, routing)));
        generations.stream().filter(n -> n > 0).forEach(n -> tests.add(new BenchTest(0, n, depth, routing)));
      }
    }
    return tests;
  }

  private void check(String option, List<Integer> values, int least) {
    for (int value : values) {
      if (value < least) {
        throw new ParameterException(spec.commandLine(), option + " must be at least " + least + ", not " + value);
      }
    }
  }
}
