package dev.depths.tools;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;

/** The default model for tests: the one in the user's cache, fetched if need be. */
final class CachedModel {
  private CachedModel() {}

  /** Skips the test where the model can be neither found nor fetched. */
  static Path path() throws IOException {
    try {
      return DefaultModel.path(new Streams(
          InputStream.nullInputStream(), OutputStream.nullOutputStream(), System.err, false, false, false));
    } catch (CommandException e) {
      return abort(e.getMessage());
    }
  }
}
