package dev.depths.runtime;

import java.util.Arrays;

/** Which rows of a pass a tile holds: of each sequence some, ascending, one sequence after the other. */
final class TileRows {
  /** For each row of the tile, its row of the pass. */
  final int[] row;
  /** For each row of the tile, its sequence among those of the pass. */
  final int[] sequence;
  private int[] starts = new int[2];
  private int sequences;

  /** @param rows most rows that the tile may hold */
  TileRows(int rows) {
    row = new int[rows];
    sequence = new int[rows];
  }

  /** Holds no sequence's rows yet. */
  TileRows clear() {
    sequences = 0;
    return this;
  }

  /** Takes as rows of the next sequence those that were written to {@link #row} after {@link #count()}. */
  void addSequence(int rows) {
    int first = count();
    if (sequences + 1 == starts.length) {
      starts = Arrays.copyOf(starts, 2 * starts.length);
    }
    Arrays.fill(sequence, first, first + rows, sequences);
    starts[++sequences] = first + rows;
  }

  /** Number of rows. */
  int count() {
    return starts[sequences];
  }

  /** First row of the tile of a sequence of the pass, which is where the one before it ends. */
  int start(int i) {
    return starts[i];
  }

  /** Takes rows {@code from} to {@code to} of the pass as those of the next sequence. */
  void addRange(int from, int to) {
    int first = count();
    for (int r = from; r < to; r++) {
      row[first + r - from] = r;
    }
    addSequence(to - from);
  }

  /** Takes all rows of a pass. */
  TileRows setAll(PassRows rows) {
    clear();
    for (int i = 0; i < rows.size(); i++) {
      addRange(rows.start(i), rows.start(i + 1));
    }
    return this;
  }
}
