package dev.depths.runtime;

/**
 * One sequence of tokens: its KV cache, routing decisions and scratch memory. Used by one thread at a time, except for
 * {@link #cancel()}; may be reused for several turns.
 */
public final class Session implements AutoCloseable {
  Session() {}

  /**
   * Computes tokens after those already held.
   *
   * @return logits of the last position, one per vocabulary entry; the session's own array, valid until its next call
   * @throws ContextFullException if they do not fit; nothing is computed then
   * @throws IllegalArgumentException if there are none, or one is outside the vocabulary
   * @throws java.util.concurrent.CancellationException if cancelled meanwhile; what was computed of them is kept
   */
  public float[] prefill(int[] tokens) {
    throw new UnsupportedOperationException("being written");
  }

  /** As {@link #prefill(int[])}, with the logits of every position. */
  public void prefill(int[] tokens, LogitsListener listener) {
    throw new UnsupportedOperationException("being written");
  }

  /** Computes one token; as {@link #prefill(int[])} of one, and allocates nothing. */
  public float[] decode(int token) {
    throw new UnsupportedOperationException("being written");
  }

  /**
   * Tokenises a prompt (with the special tokens that the model asks for, special token texts parsed), and generates.
   *
   * @throws ContextFullException if the prompt does not fit
   */
  public Generation generate(String prompt, GenerateOptions options, TokenListener listener) {
    throw new UnsupportedOperationException("being written");
  }

  /**
   * Prefills a prompt and generates until an end-of-generation token, a stop text, the bound, a full context or a
   * cancellation. The last token drawn is not yet computed: a following turn continues with it.
   */
  public Generation generate(int[] prompt, GenerateOptions options, TokenListener listener) {
    throw new UnsupportedOperationException("being written");
  }

  /** Makes the prefill or generation that another thread runs on this session end soon; else the next one. */
  public void cancel() {}

  /** Forgets all tokens; the session is then as new. */
  public void reset() {}

  /** Tokens held. */
  public int position() {
    throw new UnsupportedOperationException("being written");
  }

  /** Most tokens the session may hold. */
  public int contextLength() {
    throw new UnsupportedOperationException("being written");
  }

  /** What the session has done. */
  public Counters counters() {
    throw new UnsupportedOperationException("being written");
  }

  /** The positions that a block has computed, ascending: those in its KV cache. */
  public int[] computedPositions(int block) {
    throw new UnsupportedOperationException("being written");
  }

  /** Frees the session's memory. Using it afterwards is an IllegalStateException. */
  @Override
  public void close() {}
}
