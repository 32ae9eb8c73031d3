package dev.depths.loader.tokenizer;

import dev.depths.loader.GgufWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
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

  /**
   * A tokenizer of a Hugging Face directory: {@code tokenizer.json}, and beside it, where they are there,
   * {@code tokenizer_config.json}, {@code generation_config.json} and {@code config.json}. Byte-level BPE and
   * SentencePiece's BPE with byte fallback; settings that are not known are refused by name.
   *
   * @throws dev.depths.loader.MalformedFileException if the files contradict themselves or each other
   * @throws dev.depths.loader.UnsupportedModelException if a part of the tokenizer is not known
   * @throws UncheckedIOException if a file cannot be read
   */
  public static Tokenizer fromHuggingFace(Path directory) {
    try {
      return HuggingFaceTokenizers.read(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Writes the tokenizer of a Hugging Face directory under GGUF's keys, {@code tokenizer.ggml.*}.
   *
   * @param size tokens of the file's vocabulary, which is that of the model's embedding: ids that no token has are padding
   * @return what GGUF has no key for, so that texts may be split otherwise there; one sentence each
   * @throws dev.depths.loader.MalformedFileException if the files contradict themselves or each other
   * @throws dev.depths.loader.UnsupportedModelException if the tokenizer is of a kind that GGUF cannot express
   * @throws IOException if a file cannot be read
   */
  public static List<String> huggingFaceToGguf(Path directory, int size, GgufWriter out) throws IOException {
    return new GgufVocabulary(HuggingFaceTokenizers.parts(directory), size, out).write();
  }
}
