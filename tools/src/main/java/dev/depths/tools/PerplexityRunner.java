package dev.depths.tools;

import dev.depths.runtime.Session;
import java.util.Arrays;

/** Carries a text's windows through a model and, in lock step, through a reference if there is one. */
final class PerplexityRunner {
  private final Session session;
  private final Session reference;
  private final int vocabulary;
  private final int step;
  private final Distribution distribution;
  private final Distribution expected;

  /**
   * @param session the tested model's
   * @param reference a model's with the same vocabulary, or null
   * @param vocabulary its size
   * @param step tokens after which the two change places; so many rows of the reference's logits are kept
   */
  PerplexityRunner(Session session, Session reference, int vocabulary, int step) {
    this.session = session;
    this.reference = reference;
    this.vocabulary = vocabulary;
    this.step = step;
    this.distribution = new Distribution(vocabulary);
    this.expected = new Distribution(vocabulary);
  }

  /** Scores the second half of each window. */
  PerplexityScores run(TextWindows windows, Progress progress) {
    PerplexityScores scores = new PerplexityScores(windows.scored());
    float[][] kept = reference == null ? null : new float[Math.min(step, windows.length() / 2)][vocabulary];
    for (int w = 0; w < windows.count(); w++) {
      int[] window = windows.window(w);
      int read = w * windows.length();
      begin(session, window, windows.firstScored());
      if (reference != null) {
        begin(reference, window, windows.firstScored());
      }
      for (int from = windows.firstScored(); from < window.length - 1; from += step) {
        int first = from;
        int[] part = Arrays.copyOfRange(window, from, Math.min(from + step, window.length - 1));
        if (reference != null) {
          reference.prefill(part, (position, logits) ->
              System.arraycopy(logits, 0, kept[position - first], 0, vocabulary));
        }
        session.prefill(part, (position, logits) -> {
          distribution.set(logits);
          if (reference == null) {
            scores.add(window[position + 1], distribution);
          } else {
            scores.add(window[position + 1], distribution, expected.set(kept[position - first]));
          }
          progress.to(read + position + 2);
        });
      }
    }
    return scores;
  }

  /** Reads what comes before the first scored position: its logits are not computed. */
  private static void begin(Session session, int[] window, int first) {
    session.reset();
    session.prefill(Arrays.copyOf(window, first));
  }
}
