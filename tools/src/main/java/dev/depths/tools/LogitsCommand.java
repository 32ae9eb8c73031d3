package dev.depths.tools;

import dev.depths.runtime.Counters;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Writes a text's logits, for parity checks. */
@Command(
    name = "logits",
    description = "Writes the logits of every position of a text to a NumPy file: f32 [tokens, vocabulary].",
    mixinStandardHelpOptions = true,
    versionProvider = DepthsCommand.Version.class,
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  depths logits --exact --tokens 504,33059,40061 --out logits.npy --routing routing.json",
      "  depths logits -m model.gguf \"The lighthouse keeper\" --out logits.npy"
    })
final class LogitsCommand implements Callable<Integer> {
  private final Streams streams;

  @Spec
  CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "TEXT", description = "The text; - reads standard input.")
  String text;

  @Option(names = {"-f", "--file"}, paramLabel = "FILE", description = "Read the text from a file.")
  String file;

  @Option(names = "--tokens", paramLabel = "IDS", description = "Token ids instead of a text: 1,2,3.")
  String ids;

  @Mixin
  ModelArgs model;

  @Mixin
  ThreadArgs threads;

  @Option(names = {"-o", "--out"}, required = true, paramLabel = "FILE", description = "The NumPy file to write.")
  Path out;

  @Option(names = "--routing", paramLabel = "FILE",
      description = "JSON file for the positions that each routed block computed: {\"blocks\": {\"4\": [0, 1]}}.")
  Path routing;

  LogitsCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    model.check();
    int threadCount = threads.count();
    if (ids != null && (text != null || file != null)) {
      throw new ParameterException(spec.commandLine(), "--tokens and a text exclude each other");
    }
    String input = ids != null ? null : InputText.read(streams, spec, text, file, "TEXT, --tokens");
    try (Model opened = model.open(streams, threadCount); Session session = opened.newSession()) {
      int vocabulary = opened.config().vocabulary();
      int[] tokens = input == null ? TokenIds.parse(ids, vocabulary) : opened.tokenizer().encode(input, true, true);
      if (tokens.length == 0) {
        throw new CommandException("there are no tokens");
      }
      try (NpyWriter npy = new NpyWriter(out, tokens.length, vocabulary)) {
        session.prefill(tokens, (position, logits) -> npy.row(logits));
        npy.commit();
      }
      if (routing != null) {
        Files.writeString(routing, Json.compact(routing(session)) + "\n");
      }
      streams.err().println("wrote " + out + ": f32 [" + tokens.length + ", " + vocabulary + "]");
    }
    return 0;
  }

  private static Map<String, Object> routing(Session session) {
    Map<String, Object> blocks = Json.object();
    for (Counters.RoutedBlock block : session.counters().routed()) {
      blocks.put(Integer.toString(block.block()), session.computedPositions(block.block()));
    }
    return Map.of("blocks", blocks);
  }
}
