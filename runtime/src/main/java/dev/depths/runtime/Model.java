package dev.depths.runtime;

import dev.depths.loader.Checkpoint;
import dev.depths.loader.LoadException;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.chat.ChatTemplate;
import dev.depths.loader.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model ready to run: packed weights, tokenizer and worker pool. Immutable and safe for use by several threads, each
 * with a session of its own; sessions share the workers and take turns.
 */
public final class Model implements AutoCloseable {
  private Model() {}

  /** Opens a GGUF file or Hugging Face directory with {@link ModelOptions#defaults()}. */
  public static Model open(Path path) throws IOException {
    return open(path, ModelOptions.defaults());
  }

  /**
   * Opens a GGUF file or Hugging Face directory.
   *
   * @throws IOException if a file cannot be read
   * @throws LoadException if a file is malformed, or asks for something that Depths does not do
   * @throws IllegalStateException if the JVM runs without {@code --add-modules jdk.incubator.vector}
   */
  public static Model open(Path path, ModelOptions options) throws IOException {
    throw new UnsupportedOperationException("being written");
  }

  /** A model of a checkpoint in memory. The checkpoint may be closed afterwards: weights are packed into a copy. */
  public static Model of(Checkpoint checkpoint, ModelOptions options) throws IOException {
    throw new UnsupportedOperationException("being written");
  }

  /** A session with the model's own context length. */
  public Session newSession() {
    return newSession(SessionOptions.defaults());
  }

  /** A session: cheap, grows with what it holds. Close it before the model. */
  public Session newSession(SessionOptions options) {
    throw new UnsupportedOperationException("being written");
  }

  /** Hyperparameters. */
  public ModelConfig config() {
    throw new UnsupportedOperationException("being written");
  }

  /** The tokenizer; throws IllegalStateException if the checkpoint has none. */
  public Tokenizer tokenizer() {
    throw new UnsupportedOperationException("being written");
  }

  /** The chat template, if there is one. */
  public Optional<ChatTemplate> chatTemplate() {
    throw new UnsupportedOperationException("being written");
  }

  /** The semantics of the routed blocks, of the checkpoint or the adapter; empty for a dense model. */
  public Optional<ModDescriptor> mod() {
    throw new UnsupportedOperationException("being written");
  }

  /** How the model was opened. */
  public ModelOptions options() {
    throw new UnsupportedOperationException("being written");
  }

  /** Time from opening the file to being ready, in nanoseconds. */
  public long loadNanos() {
    throw new UnsupportedOperationException("being written");
  }

  /** Bytes of packed weights in memory. */
  public long weightBytes() {
    throw new UnsupportedOperationException("being written");
  }

  /** Stops the workers and frees the weights. Using the model or its sessions afterwards is an IllegalStateException. */
  @Override
  public void close() {}
}
