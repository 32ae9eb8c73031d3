package dev.depths.runtime;

import dev.depths.loader.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.Checksum;

/**
 * Tells models, and adapters, apart without reading them whole: a sum over when the file was changed, the name, type and
 * shape of each tensor, and some bytes in the middle of every few. Not of all: about each place the system maps 64 KB, which
 * stay resident.
 */
final class Fingerprint {
  private static final int SAMPLE = 64;
  /** Of so many tensors one is sampled: fewer than a block has. */
  private static final int SAMPLED = 7;

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
    // Two sums that the JDK has code for before anything is compiled; a digest would load its providers first.
    CRC32 first = new CRC32();
    CRC32C second = new CRC32C();
    update(first, second, text(changed));
    byte[] sample = new byte[SAMPLE];
    MemorySegment sampleSegment = MemorySegment.ofArray(sample);
    int i = 0;
    for (Tensor t : tensors.values()) {
      update(first, second, text(t.name() + " " + t.type() + " " + t.shape() + "\n"));
      if (i++ % SAMPLED == 0) {
        int n = (int) Math.min(SAMPLE, t.data().byteSize());
        MemorySegment.copy(t.data(), (t.data().byteSize() - n) / 2, sampleSegment, 0, n);
        update(first, second, sample, n);
      }
    }
    return HexFormat.of().toHexDigits(first.getValue() << 32 | second.getValue());
  }

  private static void update(Checksum first, Checksum second, byte[] bytes) {
    update(first, second, bytes, bytes.length);
  }

  private static void update(Checksum first, Checksum second, byte[] bytes, int n) {
    first.update(bytes, 0, n);
    second.update(bytes, 0, n);
  }

  private static byte[] text(String s) {
    return s.getBytes(StandardCharsets.UTF_8);
  }
}
