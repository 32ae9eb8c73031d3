package dev.depths.tools;

import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Generation;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** Continues a text. */
final class GenerateCommand extends Command {
  private static final int MOST_PARALLEL = 256;
  /** Of English text, about. */
  private static final int CHARACTERS_PER_TOKEN = 5;

  private final Arg<String> prompt = Arg.parameter(this, String.class, "PROMPT",
      "The text to continue; - reads standard input.");

  private final Arg<String> file = Arg.option(String.class, "-f", "--file").label("FILE")
      .addTo(this, "Read the prompt from a file, as it is; - reads standard input.");

  private final ModelArgs model = new ModelArgs(this);

  private final Arg<Integer> predict = Arg.option(int.class, "-n", "--predict").label("N").orElse(128)
      .addTo(this, "Most tokens to generate; -1 for as many as the context holds. Default: ${DEFAULT-VALUE}.");

  private final GenerationArgs generation = new GenerationArgs(this);

  private final Arg<Boolean> ignoreEnd = Arg.flag("--ignore-eos").addTo(this, "Go on past tokens that end a text.");

  private final Arg<Integer> parallel = Arg.option(int.class, "--parallel").label("N").orElse(1)
      .addTo(this, "Generate N continuations together, from N seeds, and print them one after the other. "
          + "Default: ${DEFAULT-VALUE}.");

  private final ThreadArgs threads = new ThreadArgs(this);

  private final Arg<Boolean> json = Arg.flag("--json")
      .addTo(this, "Print one JSON object instead: text, tokens, timings, memory, routing; with --parallel an array.");

  private final Arg<Boolean> showRouting = Arg.flag("--show-routing")
      .addTo(this, "On a terminal, colour each token by the share of the routed blocks that it ran.");

  GenerateCommand(Streams streams) {
    super(streams, "generate", "Continues a text. The generated text alone goes to standard output.",
        "",
        "Examples:",
        "  depths generate \"The lighthouse keeper opened the door and\"",
        "  depths generate -m model.gguf -n 64 --temp 0 -f prompt.txt",
        "  echo -n \"Once upon a time\" | depths generate --json - | jq .text");
  }

  @Override
  public Integer call() throws IOException {
    model.check();
    if (json.value() && showRouting.value()) {
      throw usage("--json and --show-routing exclude each other");
    }
    GenerateOptions options = generation.options(predict.value()).withIgnoreEnd(ignoreEnd.value());
    SessionOptions sessionOptions = generation.sessionOptions();
    int threadCount = threads.count();
    if (parallel.value() < 1 || parallel.value() > MOST_PARALLEL) {
      throw usage("--parallel must be 1 to " + MOST_PARALLEL + ", not " + parallel.value());
    }
    if (parallel.value() > 1 && showRouting.value()) {
      throw usage("--parallel and --show-routing exclude each other");
    }
    String text = InputText.read(this, prompt.value(), file.value(), "PROMPT");
    Model.warmUp(text.length() / CHARACTERS_PER_TOKEN);
    try (Model opened = model.open(streams, threadCount)) {
      int[] tokens = opened.tokenizer().encode(text, true, true);
      if (tokens.length == 0) {
        throw new CommandException("the prompt is empty");
      }
      Optional<DialChoice> dial = generation.dial(opened);
      SessionOptions dialled = dial.map(choice -> sessionOptions.withRouting(choice.routing())).orElse(sessionOptions);
      if (parallel.value() > 1) {
        return generateTogether(opened, dialled, dial, tokens, options);
      }
      try (Session session = ModelArgs.session(opened, dialled)) {
        return generate(opened, session, dial, tokens, options, new Timings(opened.loadNanos()));
      }
    }
  }

  private int generateTogether(Model opened, SessionOptions sessionOptions, Optional<DialChoice> dial, int[] prompt,
      GenerateOptions options) {
    long start = System.nanoTime();
    try (ParallelGeneration together = new ParallelGeneration(opened, sessionOptions, parallel.value())) {
      List<Generation> results = together.run(prompt, options);
      long nanos = System.nanoTime() - start;
      Timings timings = new Timings(opened.loadNanos());
      together.sessions().forEach(session -> timings.add(session.counters()));
      timings.addTogether(results, nanos);
      if (json.value()) {
        List<Object> reports = new ArrayList<>();
        for (int i = 0; i < results.size(); i++) {
          Timings own = new Timings(opened.loadNanos());
          own.add(results.get(i));
          own.add(together.sessions().get(i).counters());
          GenerateOptions seeded = ParallelGeneration.seeded(options, i);
          Session session = together.sessions().get(i);
          reports.add(report(results.get(i), seeded, own, memory(opened, session), dial.map(d -> d.fields(session))));
        }
        streams.print(Json.compact(reports) + "\n");
      } else {
        for (int i = 0; i < results.size(); i++) {
          long seed = ParallelGeneration.seeded(options, i).sampling().seed();
          streams.print("--- " + (i + 1) + ", seed " + seed + "\n" + results.get(i).text() + "\n");
        }
      }
      streams.err().print("\n" + timings.summary());
      // Those that run together share their passes, so what the first one's budget was is all others'.
      dial.ifPresent(choice -> streams.err().print(choice.summary(together.sessions().getFirst())));
      boolean interrupted = results.stream().anyMatch(g -> g.finish() == Generation.Finish.CANCELLED);
      return interrupted ? Interruption.EXIT_STATUS : 0;
    }
  }

  private int generate(Model opened, Session session, Optional<DialChoice> dial, int[] prompt, GenerateOptions options,
      Timings timings) {
    GeneratedOutput output = showRouting.value()
        ? RoutedOutput.of(streams, opened, session) : new GeneratedOutput(streams, session);
    Generation result;
    boolean interrupted;
    try (Interruption interruption = new Interruption(session::cancel)) {
      result = session.generate(prompt, options, json.value() ? token -> {} : output);
      interrupted = interruption.requested();
    }
    timings.add(result);
    timings.add(session.counters());
    if (json.value()) {
      streams.print(Json.compact(report(result, options, timings, memory(opened, session),
          dial.map(choice -> choice.fields(session)))) + "\n");
    } else {
      output.finish(result);
    }
    if (result.finish() == Generation.Finish.CONTEXT_FULL) {
      streams.err().println("stopped: the context of " + session.contextLength() + " tokens is full");
    }
    streams.err().print("\n" + timings.summary());
    dial.ifPresent(choice -> streams.err().print(choice.summary(session)));
    streams.err().println("seed       " + options.sampling().seed());
    ClassArchive.markWhole();
    return interrupted ? Interruption.EXIT_STATUS : 0;
  }

  private static Map<String, Object> memory(Model opened, Session session) {
    Map<String, Object> memory = Json.object();
    memory.put("weight_bytes", opened.weightBytes());
    memory.put("kv_bytes", session.counters().kvBytes());
    long[] blocks = new long[opened.config().blocks()];
    Arrays.setAll(blocks, session::kvBytes);
    memory.put("kv_bytes_by_block", blocks);
    return memory;
  }

  private static Map<String, Object> report(
      Generation result, GenerateOptions options, Timings timings, Map<String, Object> memory,
      Optional<Map<String, Object>> dial) {
    Map<String, Object> report = Json.object();
    report.put("text", result.text());
    report.put("tokens", result.tokens());
    report.put("finish", result.finish().name().toLowerCase(Locale.ROOT));
    report.put("seed", options.sampling().seed());
    report.put("timings", timings.times());
    report.put("memory", memory);
    report.put("routing", timings.routing());
    dial.ifPresent(fields -> report.put("dial", fields));
    return report;
  }
}
