package dev.depths.tools;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Text from an argument, a file, or standard input: taken as it is, no end-of-line added or dropped. */
final class InputText {
  private InputText() {}

  /**
   * Reads the one text that was given.
   *
   * @param text an argument, {@code -} for standard input, or null
   * @param file a file's name, {@code -} for standard input, or null
   * @param label the argument's name in messages
   */
  static String read(Command command, String text, String file, String label) throws IOException {
    if ((text == null) == (file == null)) {
      throw command.usage(
          text == null ? label + " or -f FILE is missing" : label + " and -f FILE exclude each other");
    }
    if ("-".equals(text) || "-".equals(file)) {
      return decode(command.streams.in().readAllBytes(), "standard input");
    }
    return file == null ? text : decode(bytes(Path.of(file)), file);
  }

  private static byte[] bytes(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw new CommandException(file + ": is a directory");
    }
    return Files.readAllBytes(file);
  }

  private static String decode(byte[] bytes, String source) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    CoderResult result = decoder.decode(in, out, true);
    if (result.isError()) {
      throw new CommandException(source + ": byte " + in.position() + ": not UTF-8 text");
    }
    return out.flip().toString();
  }
}
