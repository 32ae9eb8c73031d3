package dev.depths.loader.tokenizer;

import dev.depths.loader.UnsupportedModelException;
import java.nio.file.Path;
import java.util.Map;

/** Tokenizers from the files of models. */
public final class Tokenizers {
  private Tokenizers() {}

  /** The tokenizer that a GGUF file's metadata describes. */
  public static Tokenizer fromGguf(Object file, Map<String, Object> metadata) {
    throw new UnsupportedModelException(file, "tokenizers are being written");
  }

  /** The tokenizer of a Hugging Face directory. */
  public static Tokenizer fromHuggingFace(Path directory) {
    throw new UnsupportedModelException(directory, "tokenizers are being written");
  }
}
