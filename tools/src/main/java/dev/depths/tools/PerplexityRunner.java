package dev.depths.tools;

import dev.depths.runtime.Session;
import java.util.Arrays;
import java.util.List;

/** Carries a text's windows through sessions that are tested and, in lock step, through a reference if there is one. */
final class PerplexityRunner {
  private final List<Session> tested;
  private final Session reference;
  private final int vocabulary;
  private final int step;
  private final boolean whole;
  private final Distribution distribution;
  private final Distribution expected;

  /**
   * @param tested of models with the same vocabulary
   * @param reference likewise, or null
   * @param vocabulary its size
   * @param step tokens after which they change places; so many rows of the reference's logits are kept
   * @param whole whether each window has to come at once, since one of them chooses among all its tokens
   */
  PerplexityRunner(List<Session> tested, Session reference, int vocabulary, int step, boolean whole) {
    this.tested = List.copyOf(tested);
    this.reference = reference;
    this.vocabulary = vocabulary;
    this.step = step;
    this.whole = whole;
    this.distribution = new Distribution(vocabulary);
    this.expected = new Distribution(vocabulary);
  }

  /** Scores the second half of each window, for each of the tested sessions. */
  List<PerplexityScores> run(TextWindows windows, Progress progress) {
    List<PerplexityScores> scores = tested.stream().map(_ -> new PerplexityScores(windows.scored())).toList();
    int start = whole ? 0 : windows.firstScored();
    int most = whole ? windows.length() : step;
    float[][] kept = reference == null ? null : new float[Math.min(most, windows.length() - start)][vocabulary];
    long[] done = new long[1];
    for (int w = 0; w < windows.count(); w++) {
      int[] window = windows.window(w);
      if (reference != null) {
        begin(reference, window, start);
      }
      for (Session session : tested) {
        begin(session, window, start);
        // The last token's prediction is not scored.
        done[0] += windows.firstScored() + 1;
      }
      for (int from = start; from < window.length - 1; from += most) {
        int first = from;
        int[] part = Arrays.copyOfRange(window, from, Math.min(from + most, window.length - 1));
        if (reference != null) {
          reference.prefill(part, (position, logits) ->
              System.arraycopy(logits, 0, kept[position - first], 0, vocabulary));
        }
        for (int s = 0; s < tested.size(); s++) {
          PerplexityScores of = scores.get(s);
          tested.get(s).prefill(part, (position, logits) -> {
            if (position < windows.firstScored()) {
              return;
            }
            distribution.set(logits);
            if (reference == null) {
              of.add(window[position + 1], distribution);
            } else {
              of.add(window[position + 1], distribution, expected.set(kept[position - first]));
            }
            progress.to(++done[0]);
          });
        }
      }
    }
    return scores;
  }

  /** Reads what comes before the first position whose logits are computed. */
  private static void begin(Session session, int[] window, int first) {
    session.reset();
    if (first > 0) {
      session.prefill(Arrays.copyOf(window, first));
    }
  }
}
