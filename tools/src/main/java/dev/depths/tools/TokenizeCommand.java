package dev.depths.tools;

import dev.depths.loader.Checkpoint;
import dev.depths.loader.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Text to token ids and back. */
@Command(
    name = "tokenize",
    description = "Prints the token ids of a text on one line, separated by spaces.",
    mixinStandardHelpOptions = true,
    versionProvider = DepthsCommand.Version.class,
    sortOptions = false,
    footer = {
      "",
      "The text is taken as it is: no end-of-line is added or dropped.",
      "Examples:",
      "  depths tokenize \"Hello, world\"",
      "  depths tokenize -m model.gguf -f text.txt | depths tokenize -m model.gguf --decode -"
    })
final class TokenizeCommand implements Callable<Integer> {
  private final Streams streams;

  @Spec
  CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "TEXT",
      description = "The text, or with --decode the ids; - reads standard input.")
  String text;

  @Option(names = {"-f", "--file"}, paramLabel = "FILE", description = "Read from a file; - reads standard input.")
  String file;

  @Option(names = {"-m", "--model"}, paramLabel = "MODEL",
      description = "GGUF file (its vocabulary is enough) or Hugging Face directory; without it the default model.")
  Path model;

  @Option(names = "--no-special",
      description = "No beginning- or end-of-text token; texts such as <|im_end|> are taken literally, and with "
          + "--decode special tokens give no text.")
  boolean noSpecial;

  @Option(names = "--decode", description = "Print the text of token ids instead.")
  boolean decode;

  TokenizeCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    String input = InputText.read(streams, spec, text, file, "TEXT");
    Path path = model == null ? DefaultModel.path(streams) : model;
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      Tokenizer tokenizer =
          checkpoint.tokenizer().orElseThrow(() -> new CommandException(path + ": has no tokenizer"));
      if (decode) {
        streams.print(decode(tokenizer, TokenIds.parse(input, tokenizer.size())));
      } else {
        int[] ids = tokenizer.encode(input, !noSpecial, !noSpecial);
        streams.print(Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" ")) + "\n");
      }
    }
    return 0;
  }

  /** Bytes rather than a text, so that ids which end within a character give back what they stand for. */
  private byte[] decode(Tokenizer tokenizer, int[] ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int id : ids) {
      bytes.writeBytes(tokenizer.bytes(id, !noSpecial));
    }
    if (streams.outTerminal()) {
      bytes.write('\n');
    }
    return bytes.toByteArray();
  }
}
