package dev.depths.tools;

import java.nio.file.Path;
import java.util.function.UnaryOperator;

/** The user's cache directory, as the XDG Base Directory specification says. */
final class CacheDirectory {
  private CacheDirectory() {}

  /** {@code $XDG_CACHE_HOME/depths}, or {@code ~/.cache/depths} where that is not set to an absolute path. */
  static Path of(UnaryOperator<String> environment) {
    String base = environment.apply("XDG_CACHE_HOME");
    if (base != null && Path.of(base).isAbsolute()) {
      return Path.of(base, "depths");
    }
    return Path.of(System.getProperty("user.home"), ".cache", "depths");
  }

  /** Where packed weights are kept: here, or where the system property {@code depths.packed} says. */
  static Path packed() {
    String elsewhere = System.getProperty("depths.packed");
    return elsewhere == null ? of(System::getenv).resolve("packed") : Path.of(elsewhere);
  }

  /** Where the speeds of models on this machine are kept: here, or where the system property {@code depths.speeds} says. */
  static Path speeds() {
    String elsewhere = System.getProperty("depths.speeds");
    return elsewhere == null ? of(System::getenv).resolve("speeds") : Path.of(elsewhere);
  }
}
