package dev.depths.bench;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;

/** Prefill of an empty context, in tokens per second: pp512. */
public class PrefillBenchmark extends EndToEnd {
  private static final int TOKENS = 512;

  private int[] prompt;

  @Override
  void draw() {
    prompt = tokens(TOKENS);
  }

  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public float[] prefill(Work.Flops work) {
    session.reset();
    float[] logits = session.prefill(prompt);
    work.add(Flops.prefill(model.config(), session.counters()));
    return logits;
  }
}
