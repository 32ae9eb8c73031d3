package dev.depths.runtime;

import java.util.concurrent.CompletableFuture;

/** A session's generation in a {@link Batch}. Safe for use by several threads. */
public final class BatchEntry {
  final Session session;
  final Generator generator;
  private final int[] prompt;
  private final CompletableFuture<Generation> result = new CompletableFuture<>();
  private final int[] next = new int[1];
  private int computed;
  private volatile boolean cancelled;

  BatchEntry(Session session, int[] prompt, Generator generator) {
    this.session = session;
    this.prompt = prompt.clone();
    this.generator = generator;
  }

  /**
   * The generation, when it has ended; exceptionally if its listener or the pass failed. Cancelling the future itself stops
   * nothing: call {@link #cancel()}.
   */
  public CompletableFuture<Generation> result() {
    return result;
  }

  /** Ends the generation before the batch's next step. */
  public void cancel() {
    cancelled = true;
  }

  boolean isCancelled() {
    return cancelled;
  }

  /** Tokens of the prompt that are not computed yet. */
  int promptLeft() {
    return prompt.length - computed;
  }

  /** Adds the next tokens: {@code n} of the prompt, or, if it is computed, the last one drawn. */
  void addTo(PassRows rows, int n) {
    if (promptLeft() > 0) {
      rows.add(session.sequence(), prompt, computed, n, true);
      computed += n;
    } else {
      next[0] = generator.token();
      rows.add(session.sequence(), next, 0, 1, false);
    }
  }
}
