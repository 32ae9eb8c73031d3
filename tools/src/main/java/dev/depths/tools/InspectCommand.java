package dev.depths.tools;

import dev.depths.loader.Adapter;
import dev.depths.loader.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;

/** Says what is in a model or adapter. */
final class InspectCommand extends Command {
  private final Arg<Path> model = Arg.parameter(this, Path.class, "MODEL",
      "GGUF file, Hugging Face directory, or adapter; without it the default model.");

  private final Arg<Path> adapter = Arg.option(Path.class, "--adapter").label("FILE")
      .addTo(this, "Adapter to show with the model; the default model is shown with its own.");

  private final Arg<Boolean> tensors = Arg.flag("--tensors").addTo(this, "List every tensor.");

  private final Arg<Boolean> json = Arg.flag("--json")
      .addTo(this, "Print one JSON object, metadata and every tensor included.");

  InspectCommand(Streams streams) {
    super(streams, "inspect",
        "Shows hyperparameters, tokenizer, tensors and Mixture-of-Depths descriptor of a model or adapter.",
        "",
        "Examples:",
        "  depths inspect",
        "  depths inspect --tensors model.gguf",
        "  depths inspect --json adapter.safetensors | jq .mod");
  }

  @Override
  public Integer call() throws IOException {
    if (model.value() != null && Adapter.isAdapter(model.value())) {
      try (Adapter opened = Adapter.open(model.value())) {
        print(Inspection.of(model.value(), opened));
      }
      return 0;
    }
    Path path = model.value() == null ? DefaultModel.path(streams) : model.value();
    Path adapterPath = model.value() == null && adapter.value() == null ? DefaultModel.adapter() : adapter.value();
    try (Checkpoint checkpoint = Checkpoint.open(path);
        Adapter opened = adapterPath == null ? null : Adapter.open(adapterPath)) {
      Inspection inspection = Inspection.of(path, checkpoint);
      print(opened == null ? inspection : inspection.with(adapterPath, opened));
    }
    return 0;
  }

  private void print(Inspection inspection) {
    streams.print(json.value() ? Json.pretty(inspection.json()) + "\n" : inspection.text(tensors.value()));
  }
}
