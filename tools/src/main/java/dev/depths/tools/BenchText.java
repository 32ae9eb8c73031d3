package dev.depths.tools;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;

/** The English text that comes with Depths for measurements. */
final class BenchText {
  static final String NAME = "bench.txt";

  private BenchText() {}

  static String read() throws IOException {
    try (InputStream in = BenchText.class.getResourceAsStream(NAME)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
