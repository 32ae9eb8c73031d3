package dev.depths.runtime;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Unit;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.UnsupportedModelException;
import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/**
 * One sequence of tokens: its KV cache, routing decisions and scratch memory. Used by one thread at a time, except for
 * {@link #cancel()}; may be reused for several turns.
 */
public final class Session implements AutoCloseable {
  private final Model model;
  private final SessionOptions options;
  private final int contextLength;
  private final long weightBytes;
  private final Arena arena = Arena.ofShared();
  private final Sequence sequence;
  private final ForwardPass pass;
  private final PassRows rows = new PassRows();
  /** Follows the time of decoded tokens, if there is a budget; else null. */
  private final BudgetController budget;
  private final BooleanSupplier isCancelled = this::isCancelled;
  /** Whether routed parts decide on the whole of the first prefill at once, which must be one pass then. */
  private final boolean wholePrompt;
  /** Whether nothing can follow the first prefill. */
  private final boolean scoresOnly;
  private final int[] one = new int[1];
  private final AtomicBoolean busy = new AtomicBoolean();
  private volatile boolean cancelled;
  private boolean closed;

  Session(Model model, SessionOptions options) {
    ModelConfig c = model.config();
    if (options.contextLength() > c.contextLength()) {
      arena.close();
      throw new IllegalArgumentException("contextLength must be at most the model's " + c.contextLength() + ", not "
          + options.contextLength());
    }
    this.model = model;
    this.options = options;
    this.contextLength = options.contextLength() == 0 ? c.contextLength() : options.contextLength();
    this.weightBytes = model.weightBytes();
    PanelFormat format = model.options().exact() ? PanelFormat.F32 : PanelFormat.F16;
    ModDescriptor mod = model.mod().orElse(null);
    this.scoresOnly = Routings.ruleOf(mod, options.routing()) == Rule.TOPK;
    this.wholePrompt = scoresOnly || mod != null && mod.unit() == Unit.SEQUENCE;
    this.budget = options.routing() instanceof Routing.Budget b
        ? new BudgetController(b.dial(), b.millis(), System::nanoTime) : null;
    try {
      this.sequence = new Sequence(new KvCache(format, c.blocks(), c.kvHeads(), c.headDim(), arena),
          Routings.of(model, options.routing(), thresholds(options.routing(), budget)));
    } catch (UnsupportedModelException | IllegalArgumentException e) {
      arena.close();
      throw e;
    }
    this.pass = new ForwardPass(model, arena);
  }

  /** Those that a session is given for the routed blocks, or null. */
  private static double[] thresholds(Routing routing, BudgetController budget) {
    return budget != null ? budget.thresholds()
        : routing instanceof Routing.Thresholds t ? t.thresholds().stream().mapToDouble(x -> x).toArray() : null;
  }

  /**
   * Computes tokens after those already held.
   *
   * @return logits of the last position, one per vocabulary entry; the session's own array, valid until its next call
   * @throws ContextFullException if they do not fit; nothing is computed then
   * @throws IllegalArgumentException if there are none, or one is outside the vocabulary
   * @throws IllegalStateException if top-k has chosen among the tokens held: none can come after them
   * @throws CancellationException if cancelled meanwhile; whole chunks that were computed are kept
   */
  public float[] prefill(int[] tokens) {
    return compute(tokens, tokens.length, true, null);
  }

  /** As {@link #prefill(int[])}, with the logits of every position. */
  public void prefill(int[] tokens, LogitsListener listener) {
    compute(tokens, tokens.length, true, listener);
  }

  /** Computes one token; as {@link #prefill(int[])} of one, and allocates nothing. */
  public float[] decode(int token) {
    one[0] = token;
    return compute(one, 1, false, null);
  }

  private float[] compute(int[] tokens, int count, boolean prompt, LogitsListener listener) {
    enter();
    model.workers().lock().lock();
    try {
      requireOpen();
      check(tokens, count);
      model.warmup().beginPass(count, weightBytes);
      // What a first token waits for the compiler says nothing of those to come.
      boolean timed = budget != null && !prompt;
      if (timed) {
        budget.begin();
      }
      float[] logits = null;
      int chunk = takesWholePrompt() ? count : options.chunk();
      for (int from = 0; from < count; from += chunk) {
        int n = Math.min(chunk, count - from);
        int first = sequence.position();
        // Held afterwards, whatever a listener throws.
        pass.run(rows.clear().add(sequence, tokens, from, n, prompt), isCancelled);
        for (int r = 0; listener != null && r < n; r++) {
          listener.onLogits(first + r, pass.logits(r));
        }
        if (listener == null && from + n == count) {
          logits = pass.logits(n - 1);
        }
      }
      if (timed) {
        budget.end();
      }
      return logits;
    } catch (CancellationException e) {
      cancelled = false;
      throw e;
    } finally {
      model.warmup().endPass();
      model.workers().lock().unlock();
      leave();
    }
  }

  private void check(int[] tokens, int count) {
    if (count == 0) {
      throw new IllegalArgumentException("no tokens");
    }
    for (int i = 0; i < count; i++) {
      if (tokens[i] < 0 || tokens[i] >= model.config().vocabulary()) {
        throw new IllegalArgumentException("token " + tokens[i] + " is outside the vocabulary of "
            + model.config().vocabulary());
      }
    }
    if (count > contextLength - sequence.position()) {
      throw new ContextFullException(sequence.position(), count, contextLength);
    }
    if (scoresOnly && sequence.position() > 0) {
      throw new IllegalStateException("top-k has chosen among the session's tokens: no more can come after them");
    }
  }

  /**
   * Tokenises a prompt (with the special tokens that the model asks for, special token texts parsed), and generates.
   *
   * @throws ContextFullException if the prompt does not fit
   */
  public Generation generate(String prompt, GenerateOptions options, TokenListener listener) {
    return generate(model.tokenizer().encode(prompt, position() == 0, true), options, listener);
  }

  /**
   * Prefills a prompt and generates until an end-of-generation token, a stop text, the bound, a full context or a
   * cancellation. The last token drawn is not computed: a prompt that continues the conversation begins with it.
   *
   * @throws ContextFullException if the prompt does not fit
   * @throws IllegalStateException if top-k chooses the session's tokens: it scores whole sequences
   */
  public Generation generate(int[] prompt, GenerateOptions options, TokenListener listener) {
    if (scoresOnly) {
      throw new IllegalStateException("top-k looks at tokens to come: the session scores, and cannot generate");
    }
    Generator generator = new Generator(model, prompt, options, listener);
    try {
      float[] logits = prefill(prompt);
      generator.promptDone();
      while (!generator.isFinished()) {
        generator.draw(logits, sequence, contextLength);
        if (!generator.isFinished()) {
          logits = decode(generator.token());
        }
      }
    } catch (CancellationException _) {
      generator.cancel();
    }
    return generator.result();
  }

  /**
   * Has a listener told of every decision of the routed blocks from now on, or none if it is null.
   *
   * @throws IllegalStateException if the session is in use
   */
  public void onRouting(RoutingListener listener) {
    enter();
    sequence.setListener(listener);
    leave();
  }

  /** Makes the prefill or generation that another thread runs on this session end soon; else the next one. */
  public void cancel() {
    cancelled = true;
  }

  private boolean isCancelled() {
    return cancelled;
  }

  /** Forgets all tokens and counts; the session is then as new. */
  public void reset() {
    enter();
    try {
      requireOpen();
      sequence.clear();
      if (budget != null) {
        budget.clear();
      }
      cancelled = false;
      pass.clearCounters();
    } finally {
      leave();
    }
  }

  /** Tokens held. */
  public int position() {
    return sequence.position();
  }

  /** Most tokens the session may hold. */
  public int contextLength() {
    return contextLength;
  }

  /** What the session has done. */
  public Counters counters() {
    Part part = model.mod().map(ModDescriptor::part).orElse(Part.BLOCK);
    List<Counters.RoutedPart> routed = new ArrayList<>();
    for (int b = 0; b < model.config().blocks(); b++) {
      for (int p = 0; p < sequence.parts(b); p++) {
        BlockRouting r = sequence.routing(b, p);
        routed.add(new Counters.RoutedPart(b, Routings.part(part, p), r.seen(), r.computed()));
      }
    }
    return new Counters(position(), sequence.partsRun(), sequence.partsSkipped(), pass.weightBytesRead(),
        sequence.kv().bytes(), routed);
  }

  /** How a budget was kept since the session was made or reset; empty without one. */
  public Optional<BudgetUse> budgetUse() {
    return Optional.ofNullable(budget).map(BudgetController::use);
  }

  /** The positions that a block has computed, ascending; of halves that are routed apart, those of its attention. */
  public int[] computedPositions(int block) {
    return sequence.computed(block, 0);
  }

  /** The positions that a part of a block has computed, ascending; all of them for a part that is not routed. */
  public int[] computedPositions(int block, Part part) {
    return sequence.computed(block, part == Part.MLP && sequence.parts(block) == 2 ? 1 : 0);
  }

  /** Bytes of memory that the keys and values of a block hold. */
  public long kvBytes(int block) {
    return sequence.kv(block).bytes();
  }

  Model model() {
    return model;
  }

  Sequence sequence() {
    return sequence;
  }

  /** What follows the time of decoded tokens, or null. */
  BudgetController budget() {
    return budget;
  }

  /** Whether nothing can follow the first prefill. */
  boolean scoresOnly() {
    return scoresOnly;
  }

  /** Whether the next tokens have to be computed in one pass. */
  boolean takesWholePrompt() {
    return wholePrompt && sequence.position() == 0;
  }

  /** Lends the session to a batch, which computes these tokens next. */
  void join(int[] prompt) {
    enter();
    try {
      requireOpen();
      check(prompt, prompt.length);
    } catch (RuntimeException e) {
      leave();
      throw e;
    }
  }

  /** The batch gives the session back. */
  void leave() {
    busy.set(false);
  }

  /** Two threads in one session is a mistake of the caller's, told before it does harm. */
  private void enter() {
    if (!busy.compareAndSet(false, true)) {
      throw new IllegalStateException("the session is in use by another thread");
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the session is closed");
    }
    if (model.isClosed()) {
      throw new IllegalStateException("the model is closed");
    }
  }

  /** Frees the session's memory. Using it afterwards is an IllegalStateException. */
  @Override
  public void close() {
    enter();
    try {
      if (!closed) {
        closed = true;
        arena.close();
      }
    } finally {
      leave();
    }
  }
}
