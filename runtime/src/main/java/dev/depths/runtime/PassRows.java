package dev.depths.runtime;

import java.util.Arrays;

/** The rows of a pass: tokens of one or more sequences, each sequence's together, in order, and after those that it holds. */
final class PassRows {
  private Sequence[] sequences = new Sequence[1];
  private int[] starts = new int[2];
  private int[] tokens = new int[1];
  private boolean[] prompts = new boolean[1];
  private int size;

  PassRows clear() {
    Arrays.fill(sequences, 0, size, null);
    size = 0;
    return this;
  }

  /**
   * Adds the next tokens of a sequence that is not among the rows yet.
   *
   * @param prompt whether they are of a prompt, not tokens that were generated
   */
  PassRows add(Sequence sequence, int[] source, int from, int n, boolean prompt) {
    int first = count();
    if (size == sequences.length) {
      sequences = Arrays.copyOf(sequences, 2 * size);
      prompts = Arrays.copyOf(prompts, 2 * size);
      starts = Arrays.copyOf(starts, 2 * size + 1);
    }
    prompts[size] = prompt;
    if (first + n > tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.max(first + n, 2 * tokens.length));
    }
    System.arraycopy(source, from, tokens, first, n);
    sequences[size++] = sequence;
    starts[size] = first + n;
    return this;
  }

  /** Number of sequences. */
  int size() {
    return size;
  }

  /** Number of rows. */
  int count() {
    return starts[size];
  }

  Sequence sequence(int i) {
    return sequences[i];
  }

  /** First row of a sequence, which is where the one before it ends; the number of rows for {@code i == size()}. */
  int start(int i) {
    return starts[i];
  }

  /** Whether one of the sequences has a block routed. */
  boolean isRouted(int block) {
    for (int i = 0; i < size; i++) {
      if (sequences[i].isRouted(block)) {
        return true;
      }
    }
    return false;
  }

  /** Whether one of the sequences chooses by predictors in a block. */
  boolean isPredicted(int block) {
    for (int i = 0; i < size; i++) {
      BlockRouting routing = sequences[i].routing(block, 0);
      if (routing != null && routing.isByPredictor()) {
        return true;
      }
    }
    return false;
  }

  boolean isPrompt(int i) {
    return prompts[i];
  }

  /** Position in its sequence of a row of the {@code i}-th sequence. */
  int position(int i, int row) {
    return sequences[i].position() + row - starts[i];
  }

  int token(int row) {
    return tokens[row];
  }
}
