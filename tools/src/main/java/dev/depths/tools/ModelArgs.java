package dev.depths.tools;

import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which model runs, and with which adapter. */
final class ModelArgs {
  @Spec(Spec.Target.MIXEE)
  CommandSpec spec;

  @Option(names = {"-m", "--model"}, paramLabel = "MODEL",
      description = "GGUF file or Hugging Face directory; without it the default model, fetched once.")
  Path model;

  @Option(names = "--adapter", paramLabel = "FILE",
      description = "Mixture-of-Depths adapter (GGUF or safetensors) to apply to a dense model.")
  Path adapter;

  @Option(names = "--no-adapter", description = "Run the default model dense, without its adapter.")
  boolean noAdapter;

  @Option(names = "--exact", description = "Dequantised weights and f32 activations throughout: slow, for parity checks.")
  boolean exact;

  /** The options' contradictions, found before anything is fetched or opened. */
  void check() {
    if (adapter != null && noAdapter) {
      throw new ParameterException(spec.commandLine(), "--adapter and --no-adapter exclude each other");
    }
  }

  /** The model's path; fetches the default model if need be. */
  Path path(Streams streams) throws IOException {
    return model == null ? DefaultModel.path(streams) : model;
  }

  /** The adapter to apply: the default one goes with the default model alone. */
  Optional<Path> adapterPath() {
    if (adapter != null) {
      return Optional.of(adapter);
    }
    return model == null && !noAdapter ? Optional.of(DefaultModel.adapter()) : Optional.empty();
  }

  /** Opens the model. */
  Model open(Streams streams, int threads) throws IOException {
    return Model.open(path(streams), options(threads));
  }

  /** Opens the model in exact mode, whether or not that was asked for. */
  Model openExact(Streams streams, int threads) throws IOException {
    return Model.open(path(streams), options(threads).withExact(true));
  }

  /**
   * A session of an opened model.
   *
   * @throws CommandException if its context is beyond the model's
   */
  static Session session(Model opened, SessionOptions options) {
    requireContext(opened, options.contextLength(), "model");
    return opened.newSession(options);
  }

  /** @param name whose context it is: the model's, or another's beside it */
  static void requireContext(Model opened, int context, String name) {
    int most = opened.config().contextLength();
    if (context > most) {
      throw new CommandException("--ctx " + context + " is beyond the " + name + "'s context of " + most + " tokens");
    }
  }

  private ModelOptions options(int threads) {
    return new ModelOptions(threads, exact, adapterPath(), Optional.of(CacheDirectory.packed()));
  }
}
