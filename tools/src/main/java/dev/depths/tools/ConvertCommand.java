package dev.depths.tools;

import dev.depths.loader.Adapter;
import dev.depths.loader.GgufConversion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** Makes one GGUF file of a model or adapter. */
final class ConvertCommand extends Command {
  private final Arg<Path> in = Arg.parameter(this, 0, Path.class, "IN",
      "GGUF file (the first part of a split one), Hugging Face directory, or adapter.");

  private final Arg<Path> out = Arg.parameter(this, 1, Path.class, "OUT", "The GGUF file to write.");

  private final Arg<MatrixType> type = Arg.option(MatrixType.class, "--type").label("TYPE")
      .addTo(this, "Type of the matrices: f32, f16, bf16, q8_0, q4_0, q4_1; without it they keep theirs.");

  private final Arg<Path> adapter = Arg.option(Path.class, "--adapter").label("FILE")
      .addTo(this, "Mixture-of-Depths adapter (GGUF or safetensors) to merge into a dense model.");

  private final Arg<Boolean> force = Arg.flag("--force").addTo(this, "Replace OUT if it exists.");

  ConvertCommand(Streams streams) {
    super(streams, "convert",
        "Makes one GGUF file of a model in any format that Depths reads, or of an adapter in safetensors.",
        "",
        "Examples:",
        "  depths convert hugging-face-directory model.gguf",
        "  depths convert --type q8_0 model-00001-of-00003.gguf small.gguf",
        "  depths convert --adapter mod.safetensors dense.gguf mod.gguf",
        "  depths convert mod.safetensors mod-adapter.gguf");
  }

  @Override
  public Integer call() throws IOException {
    if ((adapter.value() != null || type.value() != null) && Adapter.isAdapter(in.value())) {
      throw usage((adapter.value() != null ? "--adapter" : "--type") + " goes with a model, and IN is an adapter");
    }
    if (Files.exists(out.value(), LinkOption.NOFOLLOW_LINKS) && !force.value()) {
      throw new CommandException(out.value() + " exists; --force replaces it");
    }
    try (GgufConversion conversion = GgufConversion.open(
        in.value(), Optional.ofNullable(adapter.value()), Optional.ofNullable(type.value()).map(MatrixType::dtype))) {
      try (Progress progress = Progress.ofBytes("convert", conversion.bytes(), streams)) {
        conversion.write(out.value(), progress::to);
      }
      conversion.notes().forEach(note -> streams.err().println("note: " + note));
      streams.err().printf(Locale.ROOT, "wrote %s: %.1f MiB, %d tensors%n", out.value(), conversion.bytes() / 0x1p20,
          conversion.tensors());
    }
    return 0;
  }
}
