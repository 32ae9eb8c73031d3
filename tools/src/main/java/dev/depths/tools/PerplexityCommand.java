package dev.depths.tools;

import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Measures how well a model predicts a text, and how far it is from a reference. */
final class PerplexityCommand extends Command {
  private static final String EXACT = "exact";
  /** The shortest window with something to score. */
  private static final int MIN_CONTEXT = 3;

  /** How the result is printed; lower case, as users write it. */
  enum Format {
    md,
    json
  }

  private final Arg<String> file = Arg.option(String.class, "-f", "--file").label("FILE").required()
      .addTo(this, "The text, UTF-8; - reads standard input.");

  private final ModelArgs model = new ModelArgs(this);

  private final Arg<String> reference = Arg.option(String.class, "--reference").label("R")
      .addTo(this, "exact (the same model in exact mode) or a model with the same vocabulary, run as it is.");

  private final Arg<Integer> context = Arg.option(int.class, "-c", "--ctx").label("N").orElse(512)
      .addTo(this, "Tokens of a window. Default: ${DEFAULT-VALUE}.");

  private final Arg<Integer> chunks = Arg.option(int.class, "--chunks").label("N").orElse(Integer.MAX_VALUE)
      .addTo(this, "Most windows; all of the text without it.");

  private final Arg<Integer> batch = Arg.option(int.class, "-b", "--batch").label("N")
      .orElse(SessionOptions.defaults().chunk())
      .addTo(this, "Most tokens of a pass; 1 computes as generation does. Default: ${DEFAULT-VALUE}.");

  private final Arg<String> routing = Arg.option(String.class, "--routing").label("R")
      .addTo(this, "What routed blocks compute: " + BenchRouting.VALUES + ", or random:RATE[:SEED], as in bench; model is the rule "
          + "of training. A reference that is a file runs as its own routers say. Default: model.");

  private final DialArgs dial = new DialArgs(this);

  private final ThreadArgs threads = new ThreadArgs(this);

  private final Arg<Format> format = Arg.option(Format.class, "-o", "--output").label("FORMAT").orElse("md")
      .addTo(this, "md or json. Default: ${DEFAULT-VALUE}.");

  PerplexityCommand(Streams streams) {
    super(streams, "perplexity",
        "Measures how well a model predicts a text, and how far its predictions are from a reference's.",
        "",
        "The text is cut into windows, whose second halves are scored, as llama-perplexity does it. With a",
        "reference it also tells the Kullback-Leibler divergence from its distribution (KL, in nats",
        "per token: mean, median, 99th percentile, maximum) and how often the most likely token is the same.",
        "With -b 1 every token takes the path of generation, on which quantised weights meet activations",
        "rounded to integers: there fast and exact arithmetic differ most. Larger passes hardly round.",
        "Examples:",
        "  depths perplexity -f text.txt",
        "  depths perplexity -m model-q4_0.gguf -f text.txt --reference model-f16.gguf",
        "  depths perplexity -m dense.gguf --adapter mod.gguf --capacity 0.75 -f text.txt --reference dense.gguf",
        "  depths perplexity -f text.txt -b 1 --chunks 4 --reference exact -o json | jq .kl_mean");
  }

  @Override
  public Integer call() throws IOException {
    model.check();
    check("--ctx", context.value(), MIN_CONTEXT);
    check("--chunks", chunks.value(), 1);
    check("--batch", batch.value(), 1);
    int threadCount = threads.count();
    dial.check();
    if (dial.isGiven() && routing.value() != null) {
      throw usage("--routing and " + DialArgs.OPTIONS + " exclude each other");
    }
    if (dial.hasBudget()) {
      throw usage("--budget is for generating, whose time it keeps");
    }
    BenchRouting parsedRouting = BenchRouting.parse(routing.value() == null ? "model" : routing.value(), this);
    String text = InputText.read(this, null, file.value(), "");
    try (Model tested = model.open(streams, threadCount)) {
      ModelArgs.requireContext(tested, context.value(), "model");
      Optional<DialChoice> choice = dial.isGiven() ? dial.choose(tested, streams) : Optional.empty();
      String named = choice.map(DialChoice::wish).orElse(parsedRouting.text());
      Routing rule = choice.map(DialChoice::routing).orElseGet(() -> parsedRouting.forScoring(tested));
      TextWindows windows = TextWindows.of(text, tested.tokenizer(), context.value(), chunks.value());
      try (Model other = reference.value() == null ? null : openReference(tested, threadCount)) {
        PerplexityScores scores = score(tested, other, rule, windows);
        print(new PerplexityReport(BenchModel.of(tested, model.path(streams)), tested.options().exact(), named,
            threadCount, batch.value(), windows, reference.value(), scores));
      }
    }
    return 0;
  }

  private PerplexityScores score(Model tested, Model other, Routing testedRouting, TextWindows windows) {
    SessionOptions options = new SessionOptions(context.value(), testedRouting, batch.value());
    SessionOptions otherOptions = referenceOptions(other, options);
    try (Session session = tested.newSession(options);
        Session otherSession = other == null ? null : other.newSession(otherOptions);
        Progress progress =
            Progress.ofTokens("perplexity", (long) windows.count() * windows.length(), streams)) {
      int step = Math.max(options.chunk(), otherOptions.chunk());
      boolean whole = ofWholeTexts(options) || ofWholeTexts(otherOptions);
      return new PerplexityRunner(List.of(session), otherSession, tested.config().vocabulary(), step, whole)
          .run(windows, progress).getFirst();
    }
  }

  /**
   * The reference runs as the tested model does, with two exceptions. A file has its own routing. And exact arithmetic
   * comes to the same in passes of any size, of which large ones take less time; only a random choice depends on it.
   */
  private SessionOptions referenceOptions(Model other, SessionOptions tested) {
    if (!EXACT.equals(reference.value())) {
      return tested.withRouting(other == null ? Routing.model() : SelectionArg.trained(other));
    }
    boolean random = tested.routing() instanceof Routing.Stochastic;
    return random ? tested : tested.withChunk(SessionOptions.defaults().chunk());
  }

  private static boolean ofWholeTexts(SessionOptions options) {
    return options.routing() instanceof Routing.Learned(Rule rule) && rule == Rule.TOPK;
  }

  private Model openReference(Model tested, int threadCount) throws IOException {
    if (EXACT.equals(reference.value())) {
      return model.openExact(streams, threadCount);
    }
    ModelOptions options = ModelOptions.defaults().withThreads(threadCount).withCache(CacheDirectory.packed());
    Model other = Model.open(Path.of(reference.value()), options);
    try {
      ModelArgs.requireContext(other, context.value(), "reference");
      requireSameVocabulary(tested, other);
      return other;
    } catch (RuntimeException e) {
      other.close();
      throw e;
    }
  }

  private static void requireSameVocabulary(Model tested, Model other) {
    int size = tested.config().vocabulary();
    int otherSize = other.config().vocabulary();
    if (otherSize != size) {
      throw new CommandException("the reference's vocabulary has " + otherSize + " tokens, the model's " + size);
    }
    // Beyond the tokenizers' own sizes the vocabulary is padding.
    int named = Math.min(tested.tokenizer().size(), other.tokenizer().size());
    for (int token = 0; token < named; token++) {
      String piece = tested.tokenizer().piece(token);
      String otherPiece = other.tokenizer().piece(token);
      if (!Objects.equals(piece, otherPiece)) {
        throw new CommandException("the reference's vocabulary is another: its token " + token + " is '" + otherPiece
            + "', the model's '" + piece + "'");
      }
    }
  }

  private void print(PerplexityReport report) {
    streams.print(switch (format.value()) {
      case md -> report.tables();
      case json -> Json.pretty(report.fields()) + "\n";
    });
  }

  private void check(String option, int value, int least) {
    if (value < least) {
      throw usage(option + " must be at least " + least + ", not " + value);
    }
  }
}
