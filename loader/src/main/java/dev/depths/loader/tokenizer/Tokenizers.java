package dev.depths.loader.tokenizer;

import java.util.Map;

/** Makes tokenizers of what model files say. */
public final class Tokenizers {
  private Tokenizers() {}

  /**
   * A tokenizer of a GGUF file's metadata: byte-level BPE ({@code tokenizer.ggml.model} = gpt2) or SentencePiece BPE
   * (llama).
   *
   * @param file the file's name, for messages
   * @param metadata the file's metadata: Long for all integers, Float or Double, Boolean, String, List
   * @throws dev.depths.loader.MalformedFileException if the vocabulary contradicts itself
   * @throws dev.depths.loader.UnsupportedModelException if its model or pre-tokenizer is not known
   */
  public static Tokenizer fromGguf(Object file, Map<String, Object> metadata) {
    return new GgufTokenizers(file, metadata).read();
  }

  /** A tokenizer of a Hugging Face directory. */
  public static Tokenizer fromHuggingFace(java.nio.file.Path directory) {
    throw new dev.depths.loader.UnsupportedModelException(directory, "tokenizer.json is not read yet");
  }
}
