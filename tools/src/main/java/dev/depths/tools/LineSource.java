package dev.depths.tools;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** The lines that a person or a pipe sends. */
sealed interface LineSource extends AutoCloseable {
  /** Lines of standard input; from a terminal with a prompt, line editing and history. */
  static LineSource of(Streams streams) throws IOException {
    return streams.inTerminal() ? new TerminalLines() : new PlainLines(streams);
  }

  /** The next line without its end, or null at the end. */
  String next() throws IOException;

  @Override
  void close() throws IOException;

  /** Lines as they come. */
  final class PlainLines implements LineSource {
    private final BufferedReader reader;

    PlainLines(Streams streams) {
      reader = new BufferedReader(new InputStreamReader(streams.in(), StandardCharsets.UTF_8));
    }

    @Override
    public String next() throws IOException {
      return reader.readLine();
    }

    @Override
    public void close() {}
  }

  /** Lines that a person edits; Ctrl-C and Ctrl-D end them. */
  final class TerminalLines implements LineSource {
    private final Terminal terminal;
    private final LineReader reader;

    TerminalLines() throws IOException {
      terminal = TerminalBuilder.builder().system(true).encoding(StandardCharsets.UTF_8).build();
      reader = LineReaderBuilder.builder()
          .terminal(terminal)
          .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
          .build();
    }

    @Override
    public String next() {
      try {
        return reader.readLine("> ");
      } catch (EndOfFileException | UserInterruptException e) {
        return null;
      }
    }

    @Override
    public void close() throws IOException {
      terminal.close();
    }
  }
}
