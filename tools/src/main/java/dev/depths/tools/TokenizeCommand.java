package dev.depths.tools;

import dev.depths.loader.Checkpoint;
import dev.depths.loader.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Text to token ids and back. */
final class TokenizeCommand extends Command {
  private final Arg<String> text = Arg.parameter(this, String.class, "TEXT",
      "The text, or with --decode the ids; - reads standard input.");

  private final Arg<String> file = Arg.option(String.class, "-f", "--file").label("FILE")
      .addTo(this, "Read from a file; - reads standard input.");

  private final Arg<Path> model = Arg.option(Path.class, "-m", "--model").label("MODEL")
      .addTo(this, "GGUF file (its vocabulary is enough) or Hugging Face directory; without it the default model.");

  private final Arg<Boolean> noSpecial = Arg.flag("--no-special")
      .addTo(this, "No beginning- or end-of-text token; texts such as <|im_end|> are taken literally, and with "
          + "--decode special tokens give no text.");

  private final Arg<Boolean> decode = Arg.flag("--decode").addTo(this, "Print the text of token ids instead.");

  TokenizeCommand(Streams streams) {
    super(streams, "tokenize", "Prints the token ids of a text on one line, separated by spaces.",
        "",
        "The text is taken as it is: no end-of-line is added or dropped.",
        "Examples:",
        "  depths tokenize \"Hello, world\"",
        "  depths tokenize -m model.gguf -f text.txt | depths tokenize -m model.gguf --decode -");
  }

  @Override
  public Integer call() throws IOException {
    String input = InputText.read(this, text.value(), file.value(), "TEXT");
    Path path = model.value() == null ? DefaultModel.path(streams) : model.value();
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      Tokenizer tokenizer =
          checkpoint.tokenizer().orElseThrow(() -> new CommandException(path + ": has no tokenizer"));
      if (decode.value()) {
        streams.print(decode(tokenizer, TokenIds.parse(input, tokenizer.size())));
      } else {
        int[] ids = tokenizer.encode(input, !noSpecial.value(), !noSpecial.value());
        streams.print(Arrays.stream(ids).mapToObj(Integer::toString).collect(Collectors.joining(" ")) + "\n");
      }
    }
    return 0;
  }

  /** Bytes rather than a text, so that ids which end within a character give back what they stand for. */
  private byte[] decode(Tokenizer tokenizer, int[] ids) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int id : ids) {
      bytes.writeBytes(tokenizer.bytes(id, !noSpecial.value()));
    }
    if (streams.outTerminal()) {
      bytes.write('\n');
    }
    return bytes.toByteArray();
  }
}
