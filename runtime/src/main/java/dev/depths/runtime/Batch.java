package dev.depths.runtime;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;

/**
 * Generates for several sessions together: one pass over the weights serves all of them, and a routed block is read if any
 * sequence's token chose it. Tiles are gathered across sequences, each of which keeps its own cache and decisions. Sessions
 * join and leave between passes; the prompts of some and the tokens of others share a pass.
 *
 * <p>Sessions are served in the order in which they came, all that run have a token in each pass, and prompts share the
 * rest of it evenly. {@link #add} and {@link BatchEntry#cancel()} may be called by any thread, {@link #step()} by one at a
 * time. In exact mode a session's tokens are the same as alone; in fast mode a large pass may round differently.
 */
public final class Batch implements AutoCloseable {
  private final Model model;
  private final BatchOptions options;
  private final Arena arena = Arena.ofShared();
  private final ForwardPass pass;
  private final PassRows rows = new PassRows();
  private final ArrayDeque<BatchEntry> waiting = new ArrayDeque<>();
  private final List<BatchEntry> running = new ArrayList<>();
  /** Those of the running that are in the current pass, in its order. */
  private final List<BatchEntry> served = new ArrayList<>();
  private final float[] logits;
  /** How many more may run; like the waiting and the flag guarded by {@link #waiting}. */
  private int free;
  private volatile boolean closed;

  Batch(Model model, BatchOptions options) {
    this.model = model;
    this.options = options;
    this.pass = new ForwardPass(model, arena);
    this.logits = new float[model.config().vocabulary()];
    this.free = options.maxRunning();
  }

  /**
   * Has a session generate after a prompt. Until it has ended the session must not be used otherwise, which it refuses.
   *
   * @throws RejectedExecutionException if too many sessions wait
   * @throws ContextFullException if the prompt does not fit the session
   * @throws IllegalArgumentException if there are no tokens, one is outside the vocabulary, or the session is of another
   *     model or only scores
   * @throws IllegalStateException if the session is in use or closed, or the batch is closed
   */
  public BatchEntry add(Session session, int[] prompt, GenerateOptions options, TokenListener listener) {
    if (session.model() != model || session.scoresOnly()) {
      throw new IllegalArgumentException(
          session.model() != model ? "the session is of another model" : "a session under top-k scores and generates nothing");
    }
    BatchEntry entry = new BatchEntry(session, prompt, new Generator(model, prompt, options, listener));
    session.join(prompt);
    synchronized (waiting) {
      if (!closed && waiting.size() < this.options.maxWaiting() + free) {
        waiting.add(entry);
        return entry;
      }
    }
    session.leave();
    if (closed) {
      throw new IllegalStateException("the batch is closed");
    }
    throw new RejectedExecutionException(this.options.maxWaiting() + " sessions are waiting already");
  }

  /** Steps until no session runs or waits. */
  public void run() {
    while (step()) {
      // The step is all there is to do.
    }
  }

  /**
   * Computes one pass: a token of each session that generates, and parts of prompts.
   *
   * @return whether sessions are left that run or wait
   * @throws IllegalStateException if the batch or its model is closed
   */
  public boolean step() {
    model.workers().lock().lock();
    try {
      admit();
      running.removeIf(this::endIfDone);
      if (!running.isEmpty()) {
        compute();
        running.removeIf(this::endIfDone);
      }
      synchronized (waiting) {
        return !running.isEmpty() || !waiting.isEmpty();
      }
    } finally {
      model.workers().lock().unlock();
    }
  }

  private void admit() {
    synchronized (waiting) {
      if (closed || model.isClosed()) {
        throw new IllegalStateException(closed ? "the batch is closed" : "the model is closed");
      }
      while (running.size() < options.maxRunning() && !waiting.isEmpty()) {
        running.add(waiting.poll());
        free--;
      }
    }
  }

  private void compute() {
    collect();
    model.warmup().beginPass(rows.count(), model.weightBytes());
    try {
      budgets(BudgetController::begin);
      pass.run(rows, () -> false);
      budgets(BudgetController::end);
      draw();
    } catch (RuntimeException | Error e) {
      // Whoever was in the pass cannot go on.
      served.forEach(entry -> fail(entry, e));
    } finally {
      model.warmup().endPass();
    }
  }

  /** Tells the sessions that have a budget of a pass in which all decode a token: its time is what each waits for its own. */
  private void budgets(Consumer<BudgetController> event) {
    if (rows.count() == served.size()) {
      served.stream().map(entry -> entry.session.budget()).filter(Objects::nonNull).forEach(event);
    }
  }

  /** The rows of the next pass. */
  private void collect() {
    rows.clear();
    served.clear();
    int prompts = 0;
    for (BatchEntry entry : running) {
      prompts += entry.promptLeft() > 0 ? 1 : 0;
    }
    int left = options.maxRows() - (running.size() - prompts);
    for (BatchEntry entry : running) {
      int n = 1;
      if (entry.promptLeft() > 0) {
        // A fair share of what is left; all of a prompt that is decided on as a whole.
        n = entry.session.takesWholePrompt() ? entry.promptLeft()
            : Math.min(entry.promptLeft(), Math.ceilDiv(left, prompts));
        left = Math.max(0, left - n);
        prompts--;
      }
      if (n > 0) {
        entry.addTo(rows, n);
        served.add(entry);
      }
    }
  }

  /** Draws the next token of those whose prompt is computed. */
  private void draw() {
    int[] last = new int[served.size()];
    int n = 0;
    for (int i = 0; i < served.size(); i++) {
      if (served.get(i).promptLeft() == 0) {
        last[n++] = rows.start(i + 1) - 1;
      }
    }
    pass.computeLogits(last, n);
    n = 0;
    for (BatchEntry entry : served) {
      if (entry.promptLeft() == 0) {
        pass.copyLogits(n++, logits);
        entry.generator.promptDone();
        try {
          entry.generator.draw(logits, entry.session.sequence(), entry.session.contextLength());
        } catch (RuntimeException | Error e) {
          // A listener's mistake is its own session's.
            fail(entry, e);
        }
      }
    }
  }

  /** Whether a running entry is done with; if it has just ended it is told. */
  private boolean endIfDone(BatchEntry entry) {
    if (entry.result().isDone()) {
      release();
      return true;
    }
    if (entry.isCancelled() && !entry.generator.isFinished()) {
      entry.generator.cancel();
    }
    if (!entry.generator.isFinished()) {
      return false;
    }
    entry.session.leave();
    entry.result().complete(entry.generator.result());
    release();
    return true;
  }

  private void release() {
    synchronized (waiting) {
      free++;
    }
  }

  private static void fail(BatchEntry entry, Throwable e) {
    entry.session.leave();
    entry.result().completeExceptionally(e);
  }

  /** Bytes of weights that the passes read: once for all sessions that share one. */
  public long weightBytesRead() {
    return pass.weightBytesRead();
  }

  /**
   * Waits for a step under way, cancels the sessions that are left and frees the batch's memory. The sessions stay their
   * owners'.
   *
   * @throws IllegalStateException if called by a listener during a step
   */
  @Override
  public void close() {
    if (model.workers().lock().isHeldByCurrentThread()) {
      throw new IllegalStateException("the batch is in use by the thread that closes it");
    }
    model.workers().lock().lock();
    try {
      synchronized (waiting) {
        if (closed) {
          return;
        }
        closed = true;
        running.addAll(waiting);
        waiting.clear();
      }
      running.forEach(BatchEntry::cancel);
      running.removeIf(this::endIfDone);
      arena.close();
    } finally {
      model.workers().lock().unlock();
    }
  }
}
