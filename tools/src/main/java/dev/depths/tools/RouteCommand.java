package dev.depths.tools;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.UnfinishedFile;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import picocli.CommandLine.Model.UsageMessageSpec;

/** Shows which tokens of a text the routed blocks compute. */
final class RouteCommand extends Command {
  private static final int WIDTH = 100;

  private final Arg<String> text = Arg.parameter(this, String.class, "TEXT",
      "The text; - reads standard input.");

  private final Arg<String> file = Arg.option(String.class, "-f", "--file").label("FILE")
      .addTo(this, "Read the text from a file, as it is; - reads standard input.");

  private final ModelArgs model = new ModelArgs(this);

  private final ThreadArgs threads = new ThreadArgs(this);

  private final SelectionArg selection = SelectionArg.forScoring(this);

  private final Arg<Path> out = Arg.option(Path.class, "-o", "--out").label("FILE")
      .addTo(this, "File for the map instead: a page (.html), a drawing (.svg) or data (.json).");

  RouteCommand(Streams streams) {
    super(streams, "route", "Shows which tokens of a text the routed blocks compute and which they skip, and the scores.",
        "",
        "Examples:",
        "  depths route \"The lighthouse keeper opened the door and\"",
        "  depths route -m model.gguf -f text.txt -o map.html",
        "  depths route --selection threshold -o map.json - < text.txt");
  }

  @Override
  public Integer call() throws IOException {
    model.check();
    selection.check();
    int threadCount = threads.count();
    MapFormat format = out.value() == null ? null : MapFormat.of(out.value())
        .orElseThrow(() -> usage("-o must end in .html, .svg or .json, not '" + out.value() + "'"));
    String input = InputText.read(this, text.value(), file.value(), "TEXT");
    try (Model opened = model.open(streams, threadCount)) {
      RoutingMap map = map(opened, input);
      if (format == null) {
        streams.print(RoutingText.of(map, width(), DepthColors.wanted(streams)));
      } else {
        byte[] bytes = format.text(map).getBytes(StandardCharsets.UTF_8);
        UnfinishedFile.write(out.value(), stream -> stream.write(bytes));
        streams.err().println("wrote " + out.value() + ": " + map.totals());
      }
    }
    return 0;
  }

  private RoutingMap map(Model opened, String input) throws IOException {
    ModDescriptor mod = ModelArgs.routed(opened);
    Rule rule = selection.rule(mod);
    int[] ids = opened.tokenizer().encode(input, true, true);
    if (ids.length == 0) {
      throw new CommandException("there are no tokens");
    }
    try (Session session = opened.newSession(SessionOptions.defaults().withRouting(Routing.model(rule)))) {
      return new RoutingMap(name(model.path(streams)), model.adapterPath().map(RouteCommand::name).orElse(null), rule,
          RoutedToken.of(opened.tokenizer(), ids), RoutingMap.record(session, ids));
    }
  }

  private static String name(Path path) {
    return path.toAbsolutePath().normalize().getFileName().toString();
  }

  /** Of the terminal, as far as it can be known. */
  private int width() {
    return streams.outTerminal() ? new UsageMessageSpec().width(WIDTH).autoWidth(true).width() : WIDTH;
  }
}
