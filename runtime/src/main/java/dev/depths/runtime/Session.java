package dev.depths.runtime;

import dev.depths.loader.ModelConfig;
import dev.depths.loader.tokenizer.TokenDecoder;
import dev.depths.loader.tokenizer.Tokenizer;
import dev.depths.runtime.kernel.PanelFormat;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;

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
  private final KvCache kv;
  private final BlockRouting[] routing;
  private final ForwardPass pass;
  private final int[] one = new int[1];
  private final AtomicBoolean busy = new AtomicBoolean();
  private volatile boolean cancelled;
  private boolean closed;
  private int position;

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
    this.kv = new KvCache(format, c.blocks(), c.kvHeads(), c.headDim(), arena);
    this.routing = routing(model, options.routing());
    this.pass = new ForwardPass(model, kv, routing, arena);
  }

  /** What chooses tokens in each block; null where all run and nothing is counted as routed. */
  private static BlockRouting[] routing(Model model, Routing asked) {
    BlockRouting[] routing = new BlockRouting[model.config().blocks()];
    boolean mixture = model.mod().isPresent();
    for (int b = 0; b < routing.length; b++) {
      Router router = model.weights().blocks().get(b).router();
      boolean routed = mixture ? router != null : asked instanceof Routing.Stochastic && b % 2 == 1;
      routing[b] = routed ? new BlockRouting(router, asked, b) : null;
    }
    return routing;
  }

  /**
   * Computes tokens after those already held.
   *
   * @return logits of the last position, one per vocabulary entry; the session's own array, valid until its next call
   * @throws ContextFullException if they do not fit; nothing is computed then
   * @throws IllegalArgumentException if there are none, or one is outside the vocabulary
   * @throws CancellationException if cancelled meanwhile; whole chunks that were computed are kept
   */
  public float[] prefill(int[] tokens) {
    return prefill(tokens, tokens.length, null);
  }

  /** As {@link #prefill(int[])}, with the logits of every position. */
  public void prefill(int[] tokens, LogitsListener listener) {
    prefill(tokens, tokens.length, listener);
  }

  /** Computes one token; as {@link #prefill(int[])} of one, and allocates nothing. */
  public float[] decode(int token) {
    one[0] = token;
    return prefill(one, 1, null);
  }

  private float[] prefill(int[] tokens, int count, LogitsListener listener) {
    enter();
    model.workers().lock().lock();
    try {
      requireOpen();
      check(tokens, count);
      model.warmup().beginPass(count, weightBytes);
      float[] logits = null;
      for (int from = 0; from < count; from += options.chunk()) {
        int rows = Math.min(options.chunk(), count - from);
        int first = position;
        pass.run(tokens, from, rows, first, this);
        // Held from here on, whatever a listener throws.
        position += rows;
        for (int r = 0; listener != null && r < rows; r++) {
          listener.onLogits(first + r, pass.logits(r));
        }
        if (listener == null && from + rows == count) {
          logits = pass.logits(rows - 1);
        }
      }
      return logits;
    } catch (CancellationException e) {
      cancelled = false;
      throw e;
    } finally {
      model.warmup().endPass();
      model.workers().lock().unlock();
      busy.set(false);
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
    if (count > contextLength - position) {
      throw new ContextFullException(position, count, contextLength);
    }
  }

  /**
   * Tokenises a prompt (with the special tokens that the model asks for, special token texts parsed), and generates.
   *
   * @throws ContextFullException if the prompt does not fit
   */
  public Generation generate(String prompt, GenerateOptions options, TokenListener listener) {
    return generate(model.tokenizer().encode(prompt, position == 0, true), options, listener);
  }

  /**
   * Prefills a prompt and generates until an end-of-generation token, a stop text, the bound, a full context or a
   * cancellation. The last token drawn is not computed: a prompt that continues the conversation begins with it.
   *
   * @throws ContextFullException if the prompt does not fit
   */
  public Generation generate(int[] prompt, GenerateOptions options, TokenListener listener) {
    Tokenizer tokenizer = model.tokenizer();
    int vocabulary = model.config().vocabulary();
    Sampler sampler = new Sampler(options.sampling(), vocabulary);
    TokenDecoder decoder = tokenizer.newDecoder();
    StopMatcher stops = new StopMatcher(options.stop());
    StringBuilder text = new StringBuilder();
    List<Integer> tokens = new ArrayList<>();
    for (int token : prompt) {
      sampler.accept(token);
    }
    long start = System.nanoTime();
    long decodeStart = start;
    Generation.Finish finish = options.maxTokens() == 0 ? Generation.Finish.LENGTH : null;
    try {
      float[] logits = prefill(prompt);
      decodeStart = System.nanoTime();
      while (finish == null) {
        float logSumExp = model.kernels().logSumExp(logits, 0, vocabulary);
        int token = sampler.next(logits, vocabulary);
        float logProbability = logits[token] - logSumExp;
        tokens.add(token);
        sampler.accept(token);
        boolean end = !options.ignoreEnd() && tokenizer.endOfGeneration().contains(token);
        String certain = end ? "" : stops.push(decoder.push(token));
        finish = end ? Generation.Finish.END
            : stops.stopped() ? Generation.Finish.STOP
            : tokens.size() == options.maxTokens() ? Generation.Finish.LENGTH
            : position == contextLength ? Generation.Finish.CONTEXT_FULL : null;
        if (finish != null && !stops.stopped()) {
          certain += stops.push(decoder.flush()) + stops.flush();
        }
        text.append(certain);
        listener.onToken(new GeneratedToken(certain, token, logProbability, blocksRun()));
        if (finish == null) {
          logits = decode(token);
        }
      }
    } catch (CancellationException _) {
      // What is held back stays so: the text is what the listener was given.
      finish = Generation.Finish.CANCELLED;
    }
    long now = System.nanoTime();
    if (decodeStart == start) {
      decodeStart = now;
    }
    return new Generation(text.toString(), tokens, finish, prompt.length, decodeStart - start, tokens.size(),
        now - decodeStart);
  }

  private BitSet blocksRun() {
    BitSet ran = new BitSet(routing.length);
    for (int b = 0; b < routing.length; b++) {
      ran.set(b, pass.ranLast(b));
    }
    return ran;
  }

  /** Makes the prefill or generation that another thread runs on this session end soon; else the next one. */
  public void cancel() {
    cancelled = true;
  }

  boolean cancelled() {
    return cancelled;
  }

  /** Forgets all tokens and counts; the session is then as new. */
  public void reset() {
    enter();
    try {
      requireOpen();
      kv.clear();
      position = 0;
      cancelled = false;
      pass.clearCounters();
      for (int b = 0; b < routing.length; b++) {
        if (routing[b] != null) {
          routing[b].clear();
        }
      }
    } finally {
      busy.set(false);
    }
  }

  /** Tokens held. */
  public int position() {
    return position;
  }

  /** Most tokens the session may hold. */
  public int contextLength() {
    return contextLength;
  }

  /** What the session has done. */
  public Counters counters() {
    List<Counters.RoutedBlock> routed = new ArrayList<>();
    for (int b = 0; b < routing.length; b++) {
      if (routing[b] != null) {
        routed.add(new Counters.RoutedBlock(b, routing[b].seen(), routing[b].computed()));
      }
    }
    return new Counters(position, pass.blocksRun(), (long) position * routing.length - pass.blocksRun(),
        pass.weightBytesRead(), kv.bytes(), routed);
  }

  /** The positions that a block has computed, ascending: those in its KV cache. */
  public int[] computedPositions(int block) {
    return kv.block(block).positions();
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
      busy.set(false);
    }
  }
}
