package dev.depths.loader;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.SequencedMap;

/** Reads the small text files beside a model's weights. */
final class TextFile {
  private static final int MAX_BYTES = 1 << 24;

  private TextFile() {}

  /** A file's text; bytes that are not UTF-8 become U+FFFD. */
  static String read(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString());
    }
    if (!Files.isRegularFile(file)) {
      throw new MalformedFileException(file, "offset 0", "is no regular file");
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new MalformedFileException(
            file, "offset " + MAX_BYTES, "goes on, expected at most " + MAX_BYTES + " bytes");
      }
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  /** A JSON file's object; see {@link Json#object}. */
  static SequencedMap<String, Object> json(Path file) throws IOException {
    return Json.object(file, "text", read(file), "");
  }
}
