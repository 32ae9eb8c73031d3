package dev.depths.bench;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Decode after so many tokens of context, in tokens per second: tg64 at that depth. */
public class DecodeBenchmark extends EndToEnd {
  private static final int TOKENS = 64;

  @Param({"0", "512"})
  int depth;

  private int[] context;
  private int[] next;

  @Override
  void draw() {
    context = tokens(depth);
    next = tokens(TOKENS);
  }

  /** Takes longer than what is measured, but is left out of it. */
  @Setup(Level.Invocation)
  public void fill() {
    session.reset();
    if (depth > 0) {
      session.prefill(context);
    }
  }

  @Benchmark
  @OperationsPerInvocation(TOKENS)
  public float[] decode(Work.Bytes work, Work.Allocated garbage) {
    long before = session.counters().weightBytesRead();
    float[] logits = null;
    garbage.begin();
    for (int token : next) {
      logits = session.decode(token);
    }
    garbage.end();
    work.add(session.counters().weightBytesRead() - before);
    return logits;
  }
}
