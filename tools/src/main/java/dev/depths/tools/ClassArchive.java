package dev.depths.tools;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The archive of loaded classes that the JVM makes at its end for the next start, where the launcher asks for it. */
final class ClassArchive {
  private ClassArchive() {}

  /** Tells the launcher that the archive is worth keeping, since the command has loaded all it needs. */
  static void markWhole() {
    String mark = System.getProperty("depths.archive.mark");
    if (mark == null) {
      return;
    }
    try {
      Files.write(Path.of(mark), new byte[0]);
    } catch (IOException _) {
      // The next start makes the archive once more.
    }
  }
}
