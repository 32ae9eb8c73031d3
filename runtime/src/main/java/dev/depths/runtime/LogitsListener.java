package dev.depths.runtime;

/** Receives the logits of every position of a prefill, in order. */
@FunctionalInterface
public interface LogitsListener {
  /**
   * @param position the position in the session
   * @param logits one per vocabulary entry, predicting the next token; valid during the call only
   */
  void onLogits(int position, float[] logits);
}
