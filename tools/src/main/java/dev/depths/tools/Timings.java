package dev.depths.tools;

import dev.depths.runtime.Counters;
import dev.depths.runtime.Generation;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Sums over a command's generations: times, tokens, and the routed blocks' share. */
final class Timings {
  private final long loadNanos;
  private long promptTokens;
  private long promptNanos;
  private long generatedTokens;
  private long generationNanos;
  private final Map<Integer, long[]> routed = new TreeMap<>();

  Timings(long loadNanos) {
    this.loadNanos = loadNanos;
  }

  void add(Generation generation) {
    promptTokens += generation.promptTokens();
    promptNanos += generation.promptNanos();
    generatedTokens += generation.generatedTokens();
    generationNanos += generation.generationNanos();
  }

  /** Adds generations that ran together, and how long they took in all; prompts and tokens shared passes. */
  void addTogether(List<Generation> generations, long nanos) {
    for (Generation g : generations) {
      generatedTokens += g.generatedTokens();
    }
    generationNanos += nanos;
  }

  /** Adds what a session has counted; to be called once, before it is reset or closed. */
  void add(Counters counters) {
    for (Counters.RoutedPart block : counters.routed()) {
      long[] sum = routed.computeIfAbsent(block.block(), id -> new long[2]);
      sum[0] += block.tokensSeen();
      sum[1] += block.tokensComputed();
    }
  }

  /** The timing summary for people. */
  String summary() {
    String text = String.format(Locale.ROOT, "load       %9.1f ms%n", millis(loadNanos))
        // Prompts of sequences that ran together are part of the generation.
        + (promptTokens == 0 ? "" : line("prompt", promptNanos, promptTokens))
        + line("generation", generationNanos, generatedTokens);
    if (!routed.isEmpty()) {
      long seen = routed.values().stream().mapToLong(sum -> sum[0]).sum();
      long computed = routed.values().stream().mapToLong(sum -> sum[1]).sum();
      text += String.format(Locale.ROOT, "depth      %9.1f %%  of the passes through %d routed blocks were run: %d of %d%n",
          seen == 0 ? 0 : 100.0 * computed / seen, routed.size(), computed, seen);
    }
    return text;
  }

  /** The same as an object for JSON: {@code load}, {@code prompt} and {@code generation}. */
  Map<String, Object> times() {
    Map<String, Object> times = Json.object();
    Map<String, Object> load = Json.object();
    load.put("ms", millis(loadNanos));
    times.put("load", load);
    times.put("prompt", phase(promptNanos, promptTokens));
    times.put("generation", phase(generationNanos, generatedTokens));
    return times;
  }

  /** Per routed block the tokens that reached it and those it computed, for JSON. */
  Object routing() {
    return routed.entrySet().stream().map(entry -> {
      Map<String, Object> block = Json.object();
      block.put("block", entry.getKey());
      block.put("tokens_seen", entry.getValue()[0]);
      block.put("tokens_computed", entry.getValue()[1]);
      return block;
    }).toList();
  }

  private static Map<String, Object> phase(long nanos, long tokens) {
    Map<String, Object> phase = Json.object();
    phase.put("ms", millis(nanos));
    phase.put("tokens", tokens);
    phase.put("per_second", perSecond(nanos, tokens));
    return phase;
  }

  private static String line(String name, long nanos, long tokens) {
    return String.format(Locale.ROOT, "%-10s %9.1f ms / %6d tokens (%8.2f tokens per second)%n",
        name, millis(nanos), tokens, perSecond(nanos, tokens));
  }

  private static double millis(long nanos) {
    return nanos / 1e6;
  }

  private static double perSecond(long nanos, long tokens) {
    return nanos == 0 ? 0 : tokens * 1e9 / nanos;
  }
}
