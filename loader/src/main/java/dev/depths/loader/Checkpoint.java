package dev.depths.loader;

import dev.depths.loader.chat.ChatTemplate;
import dev.depths.loader.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A model as its files say: hyperparameters, tensors, tokenizer, chat template, and the Mixture-of-Depths descriptor if
 * it has one. Tensors are views of the mapped file and carry the names that GGUF gives them, whatever the format they
 * came from. Immutable and safe for use by several threads until closed.
 */
public final class Checkpoint implements AutoCloseable {
  private Checkpoint() {}

  /**
   * Opens a GGUF file (split or whole) or a Hugging Face directory (safetensors, config.json, tokenizer.json).
   *
   * @throws IOException if a file cannot be read
   * @throws LoadException if a file is malformed or holds something that is not supported
   */
  public static Checkpoint open(Path path) throws IOException {
    throw new UnsupportedOperationException("being written");
  }

  /** A checkpoint in memory: hyperparameters and tensors, and perhaps routed blocks, without tokenizer. */
  public static Checkpoint of(ModelConfig config, Map<String, Tensor> tensors, Optional<ModDescriptor> mod) {
    throw new UnsupportedOperationException("being written");
  }

  /** Hyperparameters. */
  public ModelConfig config() {
    throw new UnsupportedOperationException("being written");
  }

  /** All tensors by name, in file order; empty for a file that holds a vocabulary only. */
  public Map<String, Tensor> tensors() {
    throw new UnsupportedOperationException("being written");
  }

  /** The tokenizer, or empty for a checkpoint without vocabulary. */
  public Optional<Tokenizer> tokenizer() {
    throw new UnsupportedOperationException("being written");
  }

  /** The chat template, if the checkpoint has one. */
  public Optional<ChatTemplate> chatTemplate() {
    throw new UnsupportedOperationException("being written");
  }

  /** The semantics of the routed blocks, if the checkpoint itself is a Mixture-of-Depths model. */
  public Optional<ModDescriptor> mod() {
    throw new UnsupportedOperationException("being written");
  }

  /** The file's metadata, keys as written: numbers, strings, booleans and lists of them. */
  public Map<String, Object> metadata() {
    throw new UnsupportedOperationException("being written");
  }

  /** Unmaps the files; tensors must not be used afterwards. */
  @Override
  public void close() {}
}
