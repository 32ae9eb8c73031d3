package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Part;
import java.util.Arrays;

/** What a routed part of a block chose among the rows of a pass. */
final class Choice {
  /** The rows chosen. */
  final TileRows rows;
  /** The router's score of each row of the pass. */
  final float[] scores;
  /** The predictor's score of each row of the pass, if one was asked for. */
  final float[] predicted;
  /** The gate of each row chosen. */
  final float[] gates;
  /** The rows not chosen, ascending, when they have been asked for. */
  final int[] skipped;

  /** What a score gains by its token's position, times ln(1 + position). */
  private final double slope;

  /** @param rows most rows of a pass */
  Choice(int rows, double slope) {
    this.slope = slope;
    this.rows = new TileRows(rows);
    this.scores = new float[rows];
    this.predicted = new float[rows];
    this.gates = new float[rows];
    this.skipped = new int[rows];
  }

  /**
   * Lets each sequence choose.
   *
   * @param scored whether there are scores to choose by
   */
  void select(int block, int part, Part named, PassRows pass, boolean scored) {
    rows.clear();
    for (int i = 0; i < pass.size(); i++) {
      Sequence sequence = pass.sequence(i);
      BlockRouting routing = sequence.routing(block, part);
      int from = pass.start(i);
      int to = pass.start(i + 1);
      if (routing == null) {
        rows.addRange(from, to);
        Arrays.fill(gates, rows.start(i), rows.start(i + 1), 1);
        continue;
      }
      if (slope != 0) {
        addPositions(sequence.position(), from, to, routing.isByPredictor());
      }
      if (routing.isDecided()) {
        routing.selectSequence(from, to, sequence.position(), rows);
      } else {
        float[] by = routing.isByPredictor() ? predicted : scores;
        routing.select(by, from, to, sequence.position(), pass.isPrompt(i), rows);
      }
      routing.gates(scores, rows, rows.start(i), rows.start(i + 1), gates);
      if (sequence.listener() != null) {
        tell(sequence, block, named, from, to, i, !scored ? null : routing.isByPredictor() ? predicted : scores);
      }
    }
  }

  private void addPositions(int position, int from, int to, boolean byPredictor) {
    for (int r = from; r < to; r++) {
      float added = (float) (slope * Math.log1p(position + r - from));
      scores[r] += added;
      if (byPredictor) {
        predicted[r] += added;
      }
    }
  }

  /** Finds the rows not chosen of so many that the pass has; returns their number. */
  int findSkipped(int count) {
    int n = 0;
    for (int r = 0, next = 0; r < count; r++) {
      if (next < rows.count() && rows.row[next] == r) {
        next++;
      } else {
        skipped[n++] = r;
      }
    }
    return n;
  }

  private void tell(Sequence sequence, int block, Part part, int from, int to, int i, float[] by) {
    int next = rows.start(i);
    for (int r = from; r < to; r++) {
      boolean computed = next < rows.start(i + 1) && rows.row[next] == r;
      next += computed ? 1 : 0;
      sequence.listener().onDecision(block, part, sequence.position() + r - from, by == null ? Float.NaN : by[r], computed);
    }
  }
}
