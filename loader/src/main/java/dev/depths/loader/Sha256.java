package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** SHA-256 of mapped files. */
final class Sha256 {
  private static final long CHUNK = 1 << 20;

  private Sha256() {}

  /** The digest, as hexadecimal digits, of segments one after the other. */
  static String of(List<MemorySegment> segments) {
    MessageDigest digest = newDigest();
    for (MemorySegment segment : segments) {
      for (long at = 0; at < segment.byteSize(); at += CHUNK) {
        digest.update(segment.asSlice(at, Math.min(CHUNK, segment.byteSize() - at)).asByteBuffer());
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest newDigest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
