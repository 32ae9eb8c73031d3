package dev.depths.loader;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * A file that appears when it is complete: until then it is another beside it, which is deleted whatever ends the writing,
 * the process's end by a signal included.
 */
public final class UnfinishedFile {
  private UnfinishedFile() {}

  /** What writes a file's bytes. */
  @FunctionalInterface
  public interface Content {
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Writes a file, or replaces it.
   *
   * @throws FileSystemException that names the file and says why it cannot be written
   */
  public static void write(Path file, Content content) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory == null || Files.exists(file) && !Files.isRegularFile(file)) {
      throw new FileSystemException(file.toString(), null, "is no regular file");
    }
    if (!Files.isDirectory(directory)) {
      throw new NoSuchFileException(directory.toString());
    }
    Path unfinished = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + ".part");
    unfinished.toFile().deleteOnExit();
    try {
      try (OutputStream out = Files.newOutputStream(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        content.writeTo(out);
      }
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AccessDeniedException e) {
      throw (IOException) new AccessDeniedException(file.toString()).initCause(e);
    } catch (IOException e) {
      String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
      throw (IOException) new FileSystemException(file.toString(), null, reason).initCause(e);
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }
}
