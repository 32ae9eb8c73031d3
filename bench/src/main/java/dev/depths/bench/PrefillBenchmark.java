package dev.depths.bench;

import java.util.Arrays;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;

/** Prefill of an empty context, in tokens per second: pp128, pp512, pp2048. */
public class PrefillBenchmark extends EndToEnd {
  private int[] text;

  @Override
  void draw() {
    text = tokens(2048);
  }

  @Benchmark
  @OperationsPerInvocation(128)
  public float[] prefill128(Work.Flops work) {
    return prefill(128, work);
  }

  @Benchmark
  @OperationsPerInvocation(512)
  public float[] prefill512(Work.Flops work) {
    return prefill(512, work);
  }

  @Benchmark
  @OperationsPerInvocation(2048)
  public float[] prefill2048(Work.Flops work) {
    return prefill(2048, work);
  }

  private float[] prefill(int tokens, Work.Flops work) {
    session.reset();
    float[] logits = session.prefill(Arrays.copyOf(text, tokens));
    work.add(Flops.prefill(model.config(), session.counters()));
    return logits;
  }
}
