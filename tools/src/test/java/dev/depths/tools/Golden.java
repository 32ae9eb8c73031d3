package dev.depths.tools;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/** What the reference implementation recorded for one text. */
record Golden(String kind, String text, JsonNode json) {
  static Golden read(String kind, String text) {
    try (InputStream in = Golden.class.getResourceAsStream("/golden/" + kind + "-" + text + ".json")) {
      return new Golden(kind, text, new ObjectMapper().readTree(in));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The adapter of those that are of the kind {@code mod}. */
  static Path adapter() {
    try {
      return Path.of(Golden.class.getResource("/golden/smollm2-135m-mod.gguf").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  int[] tokens() {
    return ints(json.get("tokens"));
  }

  /** Logits of the last position: a NumPy file of version 1.0, f32. */
  float[] lastLogits() {
    try (InputStream in = Golden.class.getResourceAsStream("/golden/" + json.get("last_logits").asText())) {
      ByteBuffer npy = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
      npy.position(10 + npy.getShort(8));
      float[] logits = new float[npy.remaining() / Float.BYTES];
      npy.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(logits);
      return logits;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static int[] ints(JsonNode array) {
    int[] ints = new int[array.size()];
    for (int i = 0; i < ints.length; i++) {
      ints[i] = array.get(i).asInt();
    }
    return ints;
  }

  @Override
  public String toString() {
    return kind + "-" + text;
  }
}
