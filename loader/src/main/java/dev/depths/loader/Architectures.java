package dev.depths.loader;

import dev.depths.loader.ModelConfig.Rope;
import java.util.List;
import java.util.Map;

/** The supported architectures, by GGUF's names where it has them, and what sets them apart. */
final class Architectures {
  private static final List<String> SUPPORTED =
      List.of("llama", "mistral", "mixtral", "qwen2", "qwen2moe", "qwen3", "qwen3moe");
  private static final Map<String, String> MODEL_TYPES = Map.of("qwen2_moe", "qwen2moe", "qwen3_moe", "qwen3moe");

  private Architectures() {}

  /** The architecture of a Hugging Face {@code model_type}. */
  static String ofModelType(String modelType) {
    return MODEL_TYPES.getOrDefault(modelType, modelType);
  }

  /** What GGUF files call an architecture. */
  static String ggufName(String architecture) {
    return architecture.equals("mistral") || architecture.equals("mixtral") ? "llama" : architecture;
  }

  /** The RoPE layout of an architecture's GGUF files: converters permute query and key rows for llama, not for qwen. */
  static Rope.Layout ggufLayout(Object file, String architecture) {
    requireSupported(file, architecture);
    return architecture.startsWith("qwen") ? Rope.Layout.HALVES : Rope.Layout.INTERLEAVED;
  }

  /** Whether queries and keys are normalised. */
  static boolean hasQkNorm(String architecture) {
    return architecture.startsWith("qwen3");
  }

  /** Whether all models of the architecture are mixtures of experts; in GGUF files a Mixtral is a llama that is one. */
  static boolean isMixture(String architecture) {
    return architecture.equals("mixtral") || architecture.endsWith("moe");
  }

  /**
   * Whether the weights of a token's experts are divided by their sum in a GGUF model that does not say; llama.cpp takes the
   * architecture's word for it always.
   */
  static boolean normalisesExperts(String architecture) {
    return !architecture.equals("qwen2moe");
  }

  static void requireSupported(Object file, String architecture) {
    if (!SUPPORTED.contains(architecture)) {
      throw new UnsupportedModelException(
          file, "architecture " + Metadata.shown(architecture) + " is not supported; supported are " + SUPPORTED);
    }
  }
}
