package dev.depths.runtime;

/**
 * How a token is drawn from logits: repeat penalty, then top-k, top-p, min-p, and temperature, in that order, as
 * llama.cpp does.
 *
 * @param temperature divides the logits; 0 or less takes the most likely token
 * @param topK keep the k most likely tokens; 0 keeps all
 * @param topP keep the smallest set of most likely tokens whose probability reaches p; 1 keeps all
 * @param minP keep tokens at least p times as likely as the most likely; 0 keeps all
 * @param repeatPenalty divides positive logits of recent tokens, and multiplies negative ones; 1 for none
 * @param repeatLast how many recent tokens the penalty looks at
 * @param seed of the draw: the same seed, model and prompt give the same text
 */
public record Sampling(
    float temperature, int topK, float topP, float minP, float repeatPenalty, int repeatLast, long seed) {
  public Sampling {
    require(!Float.isNaN(temperature), "temperature must be a number");
    require(topK >= 0, "topK must not be negative");
    require(topP > 0 && topP <= 1, "topP must be in (0, 1]");
    require(minP >= 0 && minP <= 1, "minP must be in [0, 1]");
    require(repeatPenalty > 0 && repeatPenalty < Float.POSITIVE_INFINITY, "repeatPenalty must be positive");
    require(repeatLast >= 0, "repeatLast must not be negative");
  }

  /** Temperature 0.8, top-k 40, top-p 0.95, min-p 0.05, no penalty over the last 64, a fixed seed. */
  public static Sampling defaults() {
    return new Sampling(0.8f, 40, 0.95f, 0.05f, 1.0f, 64, 0);
  }

  /** The most likely token each time. */
  public static Sampling greedy() {
    return defaults().withTemperature(0);
  }

  /** This sampling with another temperature. */
  public Sampling withTemperature(float temperature) {
    return new Sampling(temperature, topK, topP, minP, repeatPenalty, repeatLast, seed);
  }

  /** This sampling with another seed. */
  public Sampling withSeed(long seed) {
    return new Sampling(temperature, topK, topP, minP, repeatPenalty, repeatLast, seed);
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }
}
