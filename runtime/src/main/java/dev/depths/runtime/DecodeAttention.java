package dev.depths.runtime;

/**
 * Attention of a single row over a long cache, in three steps that each split evenly among workers: scores by pages, softmax
 * by query heads, weighted sums by key/value heads and 32 of their dimensions. What {@link AttentionJob} does with one row
 * in a single step, which one worker does alone, has the same arithmetic in the same order.
 */
final class DecodeAttention {
  /** Positions from which three hand-overs cost less than idle workers. */
  static final int MIN_POSITIONS = 128;

  private final Workers workers;
  private final RowAttention attention;
  private final Workers.Job scores = this::scores;
  private final Workers.Job softmax = this::softmax;
  private final Workers.Job sums = this::sums;

  DecodeAttention(RowAttention attention, Workers workers) {
    this.attention = attention;
    this.workers = workers;
  }

  /** Attends from the one row of a tile. */
  void run(KvCache.BlockKv kv, Tile tile) {
    attention.of(kv, tile, 0);
    workers.run(scores);
    workers.run(softmax);
    workers.run(sums);
  }

  private void scores(int share, int shares) {
    int pages = attention.pages();
    attention.scores(Workers.Job.from(pages, share, shares), Workers.Job.from(pages, share + 1, shares));
  }

  private void softmax(int share, int shares) {
    int heads = attention.heads();
    attention.softmax(Workers.Job.from(heads, share, shares), Workers.Job.from(heads, share + 1, shares));
  }

  private void sums(int share, int shares) {
    int chunks = attention.chunks();
    attention.sums(Workers.Job.from(chunks, share, shares), Workers.Job.from(chunks, share + 1, shares));
  }
}
