package dev.depths.runtime;

/**
 * How a batch runs.
 *
 * @param maxRunning most sessions that are computed together; others wait their turn
 * @param maxWaiting most sessions that wait
 * @param maxRows most tokens computed in one pass; bounds the scratch memory. Prompts are cut to it
 */
public record BatchOptions(int maxRunning, int maxWaiting, int maxRows) {
  public BatchOptions {
    if (maxRunning < 1 || maxWaiting < 0 || maxRows < maxRunning) {
      throw new IllegalArgumentException("a batch runs at least 1 session, not " + maxRunning + ", lets no fewer than 0 wait, "
          + "not " + maxWaiting + ", and computes at least a token of each, not " + maxRows);
    }
  }

  /** 16 sessions together, 1024 waiting, 512 tokens in a pass. */
  public static BatchOptions defaults() {
    return new BatchOptions(16, 1024, 512);
  }

  /** These options with another number of sessions computed together. */
  public BatchOptions withMaxRunning(int maxRunning) {
    return new BatchOptions(maxRunning, maxWaiting, Math.max(maxRows, maxRunning));
  }

  /** These options with another number of sessions that may wait. */
  public BatchOptions withMaxWaiting(int maxWaiting) {
    return new BatchOptions(maxRunning, maxWaiting, maxRows);
  }

  /** These options with another bound of a pass. */
  public BatchOptions withMaxRows(int maxRows) {
    return new BatchOptions(maxRunning, maxWaiting, maxRows);
  }
}
