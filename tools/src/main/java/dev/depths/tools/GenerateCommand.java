package dev.depths.tools;

import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Generation;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.util.Locale;
import java.util.Map;

/** Continues a text. */
final class GenerateCommand extends Command {
  private final Arg<String> prompt = Arg.parameter(this, String.class, "PROMPT",
      "The text to continue; - reads standard input.");

  private final Arg<String> file = Arg.option(String.class, "-f", "--file").label("FILE")
      .addTo(this, "Read the prompt from a file, as it is; - reads standard input.");

  private final ModelArgs model = new ModelArgs(this);

  private final Arg<Integer> predict = Arg.option(int.class, "-n", "--predict").label("N").orElse(128)
      .addTo(this, "Most tokens to generate; -1 for as many as the context holds. Default: ${DEFAULT-VALUE}.");

  private final GenerationArgs generation = new GenerationArgs(this);

  private final Arg<Boolean> ignoreEnd = Arg.flag("--ignore-eos").addTo(this, "Go on past tokens that end a text.");

  private final ThreadArgs threads = new ThreadArgs(this);

  private final Arg<Boolean> json = Arg.flag("--json")
      .addTo(this, "Print one JSON object instead: text, tokens, timings, memory, routing.");

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
    GenerateOptions options = generation.options(predict.value()).withIgnoreEnd(ignoreEnd.value());
    SessionOptions sessionOptions = generation.sessionOptions();
    int threadCount = threads.count();
    String text = InputText.read(this, prompt.value(), file.value(), "PROMPT");
    try (Model opened = model.open(streams, threadCount); Session session = ModelArgs.session(opened, sessionOptions)) {
      int[] tokens = opened.tokenizer().encode(text, true, true);
      if (tokens.length == 0) {
        throw new CommandException("the prompt is empty");
      }
      Timings timings = new Timings(opened.loadNanos());
      return generate(opened, session, tokens, options, timings);
    }
  }

  private int generate(Model opened, Session session, int[] prompt, GenerateOptions options, Timings timings) {
    GeneratedOutput output = new GeneratedOutput(streams, session);
    Generation result;
    boolean interrupted;
    try (Interruption interruption = new Interruption(session::cancel)) {
      result = session.generate(prompt, options, json.value() ? token -> {} : output);
      interrupted = interruption.requested();
    }
    timings.add(result);
    timings.add(session.counters());
    if (json.value()) {
      streams.print(Json.compact(report(result, options, timings, memory(opened, session))) + "\n");
    } else {
      output.finish(result);
    }
    if (result.finish() == Generation.Finish.CONTEXT_FULL) {
      streams.err().println("stopped: the context of " + session.contextLength() + " tokens is full");
    }
    streams.err().print("\n" + timings.summary());
    streams.err().println("seed       " + options.sampling().seed());
    ClassArchive.markWhole();
    return interrupted ? Interruption.EXIT_STATUS : 0;
  }

  private static Map<String, Object> memory(Model opened, Session session) {
    Map<String, Object> memory = Json.object();
    memory.put("weight_bytes", opened.weightBytes());
    memory.put("kv_bytes", session.counters().kvBytes());
    return memory;
  }

  private static Map<String, Object> report(
      Generation result, GenerateOptions options, Timings timings, Map<String, Object> memory) {
    Map<String, Object> report = Json.object();
    report.put("text", result.text());
    report.put("tokens", result.tokens());
    report.put("finish", result.finish().name().toLowerCase(Locale.ROOT));
    report.put("seed", options.sampling().seed());
    report.put("timings", timings.times());
    report.put("memory", memory);
    report.put("routing", timings.routing());
    return report;
  }
}
