package dev.depths.tools;

import dev.depths.loader.ModDescriptor;
import dev.depths.runtime.Model;
import dev.depths.runtime.ModelOptions;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Which model runs, and with which adapter. */
final class ModelArgs {
  private final Command command;
  private final Arg<Path> model;
  private final Arg<Path> adapter;
  private final Arg<Boolean> noAdapter;
  private final Arg<LoraMode> lora;
  private final Arg<Boolean> exact;

  /** Adds the options to a command. */
  ModelArgs(Command command) {
    this.command = command;
    model = Arg.option(Path.class, "-m", "--model").label("MODEL")
        .addTo(command, "GGUF file or Hugging Face directory; without it the default model, fetched once.");
    adapter = Arg.option(Path.class, "--adapter").label("FILE")
        .addTo(command, "Mixture-of-Depths adapter (GGUF or safetensors) to apply to a dense model.");
    noAdapter = Arg.flag("--no-adapter")
        .addTo(command, "Run the default model dense, without its adapter.");
    lora = Arg.option(LoraMode.class, "--lora").label("WHERE").orElse(LoraMode.auto)
        .addTo(command, "Where an adapter's low-rank updates are computed: merged into the matrices, beside them, none to leave "
            + "them out, or auto: merged into those of floats and Q8_0; beside others, which would round much of them away, or "
            + "none if the adapter works without. Default: ${DEFAULT-VALUE}.");
    exact = Arg.flag("--exact")
        .addTo(command, "Dequantised weights and f32 activations throughout: slow, for parity checks.");
  }

  /** The options' contradictions, found before anything is fetched or opened. */
  void check() {
    if (adapter.value() != null && noAdapter.value()) {
      throw command.usage("--adapter and --no-adapter exclude each other");
    }
  }

  /** The model's path; fetches the default model if need be. */
  Path path(Streams streams) throws IOException {
    return model.value() == null ? DefaultModel.path(streams) : model.value();
  }

  /** The adapter to apply: the default one goes with the default model alone. */
  Optional<Path> adapterPath() {
    if (adapter.value() != null) {
      return Optional.of(adapter.value());
    }
    return model.value() == null && !noAdapter.value() ? Optional.of(DefaultModel.adapter()) : Optional.empty();
  }

  /** Opens the model. */
  Model open(Streams streams, int threads) throws IOException {
    return Model.open(path(streams), options(threads));
  }

  /** Opens the model without an adapter. */
  Model openDense(Streams streams, int threads) throws IOException {
    return Model.open(path(streams), options(threads, Optional.empty()));
  }

  /** The file that says which blocks are routed: the adapter's, or the model's. */
  Path carrier(Streams streams) throws IOException {
    return adapterPath().isPresent() ? adapterPath().get() : path(streams);
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

  /**
   * What an opened model's routed blocks do.
   *
   * @throws CommandException if there are none
   */
  static ModDescriptor routed(Model opened) {
    ModDescriptor mod = opened.mod().orElse(null);
    if (mod == null || mod.blocks().isEmpty()) {
      throw new CommandException("the model has no routed blocks: every token runs all of them");
    }
    return mod;
  }

  /** @param name whose context it is: the model's, or another's beside it */
  static void requireContext(Model opened, int context, String name) {
    int most = opened.config().contextLength();
    if (context > most) {
      throw new CommandException("--ctx " + context + " is beyond the " + name + "'s context of " + most + " tokens");
    }
  }

  private ModelOptions options(int threads) {
    return options(threads, adapterPath());
  }

  private ModelOptions options(int threads, Optional<Path> applied) {
    return new ModelOptions(
        threads, exact.value(), applied, lora.value().lowRank(), Optional.of(CacheDirectory.packed()));
  }
}
