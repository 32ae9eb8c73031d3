package dev.depths.runtime;

import java.util.List;

/**
 * A finished generation.
 *
 * @param text the generated text, without prompt and stop text
 * @param tokens the generated tokens, an end-of-generation token included
 * @param finish why it ended
 * @param promptTokens tokens prefilled
 * @param promptNanos time of the prefill
 * @param generatedTokens tokens generated
 * @param generationNanos time of decoding and sampling
 */
public record Generation(
    String text,
    List<Integer> tokens,
    Finish finish,
    int promptTokens,
    long promptNanos,
    int generatedTokens,
    long generationNanos) {
  public Generation {
    tokens = List.copyOf(tokens);
  }

  /** Why a generation ended. */
  public enum Finish {
    /** The model drew an end-of-generation token. */
    END,
    /** {@link GenerateOptions#maxTokens()} tokens were generated. */
    LENGTH,
    /** A stop text appeared. */
    STOP,
    /** The session's context is full. */
    CONTEXT_FULL,
    /** {@link Session#cancel()} was called. */
    CANCELLED
  }
}
