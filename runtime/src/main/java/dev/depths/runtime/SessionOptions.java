package dev.depths.runtime;

/**
 * How a session runs.
 *
 * @param contextLength most positions the session may hold; 0 for the model's own limit
 * @param routing which tokens the routed blocks compute
 * @param chunk most tokens computed in one pass of a prefill; bounds the scratch memory
 */
public record SessionOptions(int contextLength, Routing routing, int chunk) {
  public SessionOptions {
    if (contextLength < 0) {
      throw new IllegalArgumentException("contextLength must not be negative, not " + contextLength);
    }
    if (chunk < 1) {
      throw new IllegalArgumentException("chunk must be at least 1, not " + chunk);
    }
  }

  /** The model's context length and routing, chunks of 512 tokens. */
  public static SessionOptions defaults() {
    return new SessionOptions(0, Routing.model(), 512);
  }

  /** These options with another context length. */
  public SessionOptions withContextLength(int contextLength) {
    return new SessionOptions(contextLength, routing, chunk);
  }

  /** These options with another routing. */
  public SessionOptions withRouting(Routing routing) {
    return new SessionOptions(contextLength, routing, chunk);
  }

  /** These options with another chunk. */
  public SessionOptions withChunk(int chunk) {
    return new SessionOptions(contextLength, routing, chunk);
  }
}
