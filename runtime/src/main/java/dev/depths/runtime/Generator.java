package dev.depths.runtime;

import dev.depths.loader.tokenizer.TokenDecoder;
import dev.depths.loader.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Turns the logits of a sequence into a generation, token by token: draws, decodes, looks for stop texts, tells. */
final class Generator {
  private final GenerateOptions options;
  private final TokenListener listener;
  private final Model model;
  private final int vocabulary;
  private final int promptTokens;
  private final Set<Integer> endOfGeneration;
  private final Sampler sampler;
  private final TokenDecoder decoder;
  private final StopMatcher stops;
  private final StringBuilder text = new StringBuilder();
  private final List<Integer> tokens = new ArrayList<>();
  private final long start = System.nanoTime();
  private long promptEnd;
  private Generation.Finish finish;

  Generator(Model model, int[] prompt, GenerateOptions options, TokenListener listener) {
    Tokenizer tokenizer = model.tokenizer();
    this.options = options;
    this.listener = listener;
    this.model = model;
    this.vocabulary = model.config().vocabulary();
    this.promptTokens = prompt.length;
    this.endOfGeneration = tokenizer.endOfGeneration();
    this.sampler = new Sampler(options.sampling(), vocabulary);
    this.decoder = tokenizer.newDecoder();
    this.stops = new StopMatcher(options.stop());
    for (int token : prompt) {
      sampler.accept(token);
    }
    if (options.maxTokens() == 0) {
      finish = Generation.Finish.LENGTH;
    }
  }

  boolean isFinished() {
    return finish != null;
  }

  /** The last token drawn, which the sequence computes next. */
  int token() {
    return tokens.getLast();
  }

  /** Says, once or again, that the prompt is computed. */
  void promptDone() {
    promptEnd = promptEnd == 0 ? System.nanoTime() : promptEnd;
  }

  /** Draws a token of a sequence whose next logits these are. */
  void draw(float[] logits, Sequence sequence, int contextLength) {
    float logSumExp = model.kernels().logSumExp(logits, 0, vocabulary);
    int token = sampler.next(logits, vocabulary);
    float logProbability = logits[token] - logSumExp;
    tokens.add(token);
    sampler.accept(token);
    boolean end = !options.ignoreEnd() && endOfGeneration.contains(token);
    String certain = end ? "" : stops.push(decoder.push(token));
    finish = end ? Generation.Finish.END
        : stops.stopped() ? Generation.Finish.STOP
        : tokens.size() == options.maxTokens() ? Generation.Finish.LENGTH
        : sequence.position() == contextLength ? Generation.Finish.CONTEXT_FULL : null;
    if (finish != null && !stops.stopped()) {
      certain += stops.push(decoder.flush()) + stops.flush();
    }
    text.append(certain);
    listener.onToken(new GeneratedToken(certain, token, logProbability, sequence.ranLast()));
  }

  /** Ends the generation. What is held back stays so: the text is what the listener was given. */
  void cancel() {
    finish = Generation.Finish.CANCELLED;
  }

  /** What was generated until now. */
  Generation result() {
    long now = System.nanoTime();
    long decodeStart = promptEnd == 0 ? now : promptEnd;
    return new Generation(text.toString(), tokens, finish, promptTokens, decodeStart - start, tokens.size(),
        now - decodeStart);
  }
}
