package dev.depths.bench;

/** An engine that runs a model. Each is given the same file, threads and numbers of tokens. */
interface Engine extends AutoCloseable {
  /** Forgets all, and computes a prompt of {@link PeersBenchmark#PROMPT} tokens and the token that follows. */
  void prompt();

  /** Forgets all, and computes one token: what is measured next is a generation. */
  void begin();

  /** Computes {@link PeersBenchmark#GENERATED} tokens one after the other, each the likeliest after those before. */
  void generate();

  @Override
  void close();
}
