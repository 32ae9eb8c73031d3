package dev.depths.runtime;

import java.util.List;

/**
 * How text is generated.
 *
 * @param maxTokens most tokens to generate
 * @param sampling how tokens are drawn
 * @param stop texts that end the generation; they and what follows them are not part of the result
 * @param ignoreEnd whether to go on past end-of-generation tokens
 */
public record GenerateOptions(int maxTokens, Sampling sampling, List<String> stop, boolean ignoreEnd) {
  public GenerateOptions {
    if (maxTokens < 0) {
      throw new IllegalArgumentException("maxTokens must not be negative, not " + maxTokens);
    }
    stop = List.copyOf(stop);
    if (stop.contains("")) {
      throw new IllegalArgumentException("a stop text must not be empty");
    }
  }

  /** 128 tokens, default sampling, no stop texts. */
  public static GenerateOptions defaults() {
    return new GenerateOptions(128, Sampling.defaults(), List.of(), false);
  }

  /** These options with another bound. */
  public GenerateOptions withMaxTokens(int maxTokens) {
    return new GenerateOptions(maxTokens, sampling, stop, ignoreEnd);
  }

  /** These options with another sampling. */
  public GenerateOptions withSampling(Sampling sampling) {
    return new GenerateOptions(maxTokens, sampling, stop, ignoreEnd);
  }

  /** These options with stop texts. */
  public GenerateOptions withStop(String... stop) {
    return new GenerateOptions(maxTokens, sampling, List.of(stop), ignoreEnd);
  }

  /** These options, going on past end-of-generation tokens or not. */
  public GenerateOptions withIgnoreEnd(boolean ignoreEnd) {
    return new GenerateOptions(maxTokens, sampling, stop, ignoreEnd);
  }
}
