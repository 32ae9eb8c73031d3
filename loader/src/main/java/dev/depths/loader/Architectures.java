package dev.depths.loader;

import dev.depths.loader.ModelConfig.Rope;
import java.util.List;

/** The supported architectures and what sets them apart. */
final class Architectures {
  private static final List<String> SUPPORTED = List.of("llama", "mistral", "qwen2", "qwen3");

  private Architectures() {}

  /** The RoPE layout of an architecture's GGUF files: converters permute query and key rows for llama, not for qwen. */
  static Rope.Layout ggufLayout(Object file, String architecture) {
    requireSupported(file, architecture);
    return architecture.startsWith("qwen") ? Rope.Layout.HALVES : Rope.Layout.INTERLEAVED;
  }

  static void requireSupported(Object file, String architecture) {
    if (!SUPPORTED.contains(architecture)) {
      throw new UnsupportedModelException(
          file, "architecture " + Metadata.shown(architecture) + " is not supported; supported are " + SUPPORTED);
    }
  }
}
