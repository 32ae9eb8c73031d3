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
 * Tells models, and adapters, apart without reading them whole: a sum over when the file was changed, and of each tensor its name, type,
 * shape, and some of its bytes at the beginning, in the middle and at the end.
 */
final class Fingerprint {
  private static final int SAMPLE = 64;

  private Fingerprint() {}

  /** @param tensors the file's */
  static String of(Path path, Map<String, Tensor> tensors) throws IOException {
    // Two sums that the JDK has code for before anything is compiled; a digest would load its providers first.
    CRC32 first = new CRC32();
    CRC32C second = new CRC32C();
    update(first, second, text(Files.getLastModifiedTime(path).toString()));
    byte[] sample = new byte[SAMPLE];
    MemorySegment sampleSegment = MemorySegment.ofArray(sample);
    for (Tensor t : tensors.values()) {
      update(first, second, text(t.name() + " " + t.type() + " " + t.shape() + "\n"));
      long last = Math.max(0, t.data().byteSize() - SAMPLE);
      for (long at : new long[] {0, last / 2, last}) {
        int n = (int) Math.min(SAMPLE, t.data().byteSize());
        MemorySegment.copy(t.data(), at, sampleSegment, 0, n);
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
