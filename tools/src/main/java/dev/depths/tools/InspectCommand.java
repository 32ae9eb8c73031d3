package dev.depths.tools;

import dev.depths.loader.Adapter;
import dev.depths.loader.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says what is in a model or adapter. */
@Command(
    name = "inspect",
    description = "Shows hyperparameters, tokenizer, tensors and Mixture-of-Depths descriptor of a model or adapter.",
    mixinStandardHelpOptions = true,
    versionProvider = DepthsCommand.Version.class,
    sortOptions = false,
    footer = {
      "",
      "Examples:",
      "  depths inspect",
      "  depths inspect --tensors model.gguf",
      "  depths inspect --json adapter.safetensors | jq .mod"
    })
final class InspectCommand implements Callable<Integer> {
  private final Streams streams;

  @Parameters(arity = "0..1", paramLabel = "MODEL",
      description = "GGUF file, Hugging Face directory, or adapter; without it the default model.")
  Path model;

  @Option(names = "--adapter", paramLabel = "FILE",
      description = "Adapter to show with the model; the default model is shown with its own.")
  Path adapter;

  @Option(names = "--tensors", description = "List every tensor.")
  boolean tensors;

  @Option(names = "--json", description = "Print one JSON object, metadata and every tensor included.")
  boolean json;

  InspectCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    if (model != null && Adapter.isAdapter(model)) {
      try (Adapter opened = Adapter.open(model)) {
        print(Inspection.of(model, opened));
      }
      return 0;
    }
    Path path = model == null ? DefaultModel.path(streams) : model;
    Path adapterPath = model == null && adapter == null ? DefaultModel.adapter() : adapter;
    try (Checkpoint checkpoint = Checkpoint.open(path);
        Adapter opened = adapterPath == null ? null : Adapter.open(adapterPath)) {
      Inspection inspection = Inspection.of(path, checkpoint);
      print(opened == null ? inspection : inspection.with(adapterPath, opened));
    }
    return 0;
  }

  private void print(Inspection inspection) {
    streams.print(json ? Json.pretty(inspection.json()) + "\n" : inspection.text(tensors));
  }
}
