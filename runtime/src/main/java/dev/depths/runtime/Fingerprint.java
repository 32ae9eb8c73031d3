package dev.depths.runtime;

import dev.depths.loader.Tensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.Checksum;

/**
 * Tells models, and adapters, apart. A model is not read whole: it is a sum over when the file was changed, the name, type and
 * shape of each tensor, and some bytes in the middle of every few. Not of all: about each place the system maps 64 KB, which
 * stay resident. An adapter is small, and two of them may differ in little.
 */
final class Fingerprint {
  private static final int SAMPLE = 64;
  /** Of so many tensors one is sampled: fewer than a block has. */
  private static final int SAMPLED = 7;
  /** Bytes summed at a time. */
  private static final int CHUNK = 1 << 16;

  // Two sums that the JDK has code for before anything is compiled; a digest would load its providers first.
  private final Checksum first = new CRC32();
  private final Checksum second = new CRC32C();

  private Fingerprint() {}

  /** @param tensors the file's */
  static String of(Path path, Map<String, Tensor> tensors) throws IOException {
    return of(Files.getLastModifiedTime(path).toString(), tensors);
  }

  /** As above whenever the file was changed. */
  static String of(Map<String, Tensor> tensors) {
    return of("", tensors);
  }

  private static String of(String changed, Map<String, Tensor> tensors) {
    Fingerprint sum = new Fingerprint();
    sum.add(changed);
    byte[] sample = new byte[SAMPLE];
    int i = 0;
    for (Tensor t : tensors.values()) {
      sum.add(t);
      if (i++ % SAMPLED == 0) {
        int n = (int) Math.min(SAMPLE, t.data().byteSize());
        sum.add(t, (t.data().byteSize() - n) / 2, sample, n);
      }
    }
    return sum.text();
  }

  /**
   * Of all bytes of all tensors.
   *
   * @param use what else makes a difference to what they are used for
   */
  static String ofAll(Map<String, Tensor> tensors, String use) {
    Fingerprint sum = new Fingerprint();
    sum.add(use);
    byte[] chunk = new byte[CHUNK];
    for (Tensor t : tensors.values()) {
      sum.add(t);
      for (long o = 0; o < t.data().byteSize(); o += CHUNK) {
        sum.add(t, o, chunk, (int) Math.min(CHUNK, t.data().byteSize() - o));
      }
    }
    return sum.text();
  }

  private void add(Tensor t) {
    add(t.name() + " " + t.type() + " " + t.shape() + "\n");
  }

  private void add(Tensor t, long offset, byte[] scratch, int n) {
    t.copy(offset, scratch, 0, n);
    add(scratch, n);
  }

  private void add(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    add(bytes, bytes.length);
  }

  private void add(byte[] bytes, int n) {
    first.update(bytes, 0, n);
    second.update(bytes, 0, n);
  }

  private String text() {
    return HexFormat.of().toHexDigits(first.getValue() << 32 | second.getValue());
  }
}
