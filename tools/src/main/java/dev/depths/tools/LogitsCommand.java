package dev.depths.tools;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.runtime.Counters;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** Writes a text's logits, for parity checks. */
final class LogitsCommand extends Command {
  private final Arg<String> text = Arg.parameter(this, String.class, "TEXT",
      "The text; - reads standard input.");

  private final Arg<String> file = Arg.option(String.class, "-f", "--file").label("FILE")
      .addTo(this, "Read the text from a file.");

  private final Arg<String> ids = Arg.option(String.class, "--tokens").label("IDS")
      .addTo(this, "Token ids instead of a text: 1,2,3.");

  private final ModelArgs model = new ModelArgs(this);

  private final SelectionArg selection = SelectionArg.forScoring(this);

  private final ThreadArgs threads = new ThreadArgs(this);

  private final Arg<Path> out = Arg.option(Path.class, "-o", "--out").label("FILE").required()
      .addTo(this, "The NumPy file to write.");

  private final Arg<Path> routing = Arg.option(Path.class, "--routing").label("FILE")
      .addTo(this, "JSON file for the positions that each routed block computed: {\"blocks\": {\"4\": [0, 1]}}.");

  LogitsCommand(Streams streams) {
    super(streams, "logits", "Writes the logits of every position of a text to a NumPy file: f32 [tokens, vocabulary].",
        "",
        "Examples:",
        "  depths logits --exact --tokens 504,33059,40061 --out logits.npy --routing routing.json",
        "  depths logits -m model.gguf \"The lighthouse keeper\" --out logits.npy");
  }

  @Override
  public Integer call() throws IOException {
    model.check();
    selection.check();
    int threadCount = threads.count();
    if (ids.value() != null && (text.value() != null || file.value() != null)) {
      throw usage("--tokens and a text exclude each other");
    }
    String input = ids.value() != null ? null : InputText.read(this, text.value(), file.value(), "TEXT, --tokens");
    try (Model opened = model.open(streams, threadCount);
        Session session = opened.newSession(SessionOptions.defaults().withRouting(selection.routing(opened)))) {
      int vocabulary = opened.config().vocabulary();
      int[] tokens = input == null ? TokenIds.parse(ids.value(), vocabulary) : opened.tokenizer().encode(input, true, true);
      if (tokens.length == 0) {
        throw new CommandException("there are no tokens");
      }
      try (NpyWriter npy = new NpyWriter(out.value(), tokens.length, vocabulary)) {
        session.prefill(tokens, (position, logits) -> npy.row(logits));
        npy.commit();
      }
      if (routing.value() != null) {
        Files.writeString(routing.value(), Json.compact(routing(opened, session)) + "\n");
      }
      streams.err().println("wrote " + out.value() + ": f32 [" + tokens.length + ", " + vocabulary + "]");
    }
    return 0;
  }

  /** Positions by block, and by half if a block's halves are routed apart. */
  private static Map<String, Object> routing(Model model, Session session) {
    boolean halves = model.mod().map(ModDescriptor::part).orElse(Part.BLOCK) == Part.EACH_HALF;
    Map<String, Object> blocks = Json.object();
    for (Counters.RoutedPart routed : session.counters().routed()) {
      int[] positions = session.computedPositions(routed.block(), routed.part());
      String name = Integer.toString(routed.block());
      blocks.put(halves ? name + '.' + routed.part().name().toLowerCase(Locale.ROOT) : name, positions);
    }
    return Map.of("blocks", blocks);
  }
}
