package dev.depths.runtime;

import dev.depths.loader.Checkpoint;
import dev.depths.loader.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Tells models apart without reading them whole: a hash over when the file was changed, and of each tensor its name, type,
 * shape, and some of its bytes at the beginning, in the middle and at the end.
 */
final class Fingerprint {
  private static final int SAMPLE = 64;

  private Fingerprint() {}

  static String of(Path path, Checkpoint checkpoint) throws IOException {
    try {
      MessageDigest hash = MessageDigest.getInstance("SHA-256");
      hash.update(text(Files.getLastModifiedTime(path).toString()));
      byte[] sample = new byte[SAMPLE];
      for (Tensor t : checkpoint.tensors().values()) {
        hash.update(text(t.name() + " " + t.type() + " " + t.shape() + "\n"));
        long last = Math.max(0, t.data().byteSize() - SAMPLE);
        for (long at : new long[] {0, last / 2, last}) {
          int n = (int) Math.min(SAMPLE, t.data().byteSize());
          MemorySegment.copy(t.data(), ValueLayout.JAVA_BYTE, at, sample, 0, n);
          hash.update(sample, 0, n);
        }
      }
      return HexFormat.of().formatHex(hash.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] text(String s) {
    return s.getBytes(StandardCharsets.UTF_8);
  }
}
