package dev.depths.loader;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Maps files read-only. When a mapped file is cut off, or its disk fails, reading the lost bytes throws an
 * InternalError (JDK 25, measured, for accesses and copies of a MemorySegment, interpreted and compiled); whatever the
 * loader reads turns it into an exception by {@link #lost}. Loads of the Vector API in compiled code end the JVM
 * instead, so kernels must work on copies.
 */
final class MappedFile {
  private MappedFile() {}

  /** Maps a whole file for as long as the arena lives. */
  static MemorySegment map(Path file, Arena arena) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString());
    }
    if (!Files.isRegularFile(file)) {
      throw new MalformedFileException(file, "offset 0", "is no regular file");
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    }
  }

  /** The exception for an InternalError met when reading mapped bytes. */
  static MalformedFileException lost(Object file, String where, InternalError e) {
    return new MalformedFileException(
        file, where, "could not be read: the file was cut off after it was opened, or its disk failed", e);
  }
}
