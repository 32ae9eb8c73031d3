package dev.depths.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Setup;

/**
 * How long each decoded token takes, as a distribution, and with {@code -prof gc} what it allocates. Contexts are of 64
 * to 192 tokens, so that differences are the machine's and the runtime's, not the context's.
 */
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class TokenBenchmark extends EndToEnd {
  private static final int CONTEXT = 64;
  private static final int LIMIT = 192;
  /** Tokens decoded unmeasured after a prefill, which has taken the caches. */
  private static final int SETTLE = 4;

  private int[] context;
  private int token;

  @Override
  void draw() {
    context = tokens(CONTEXT);
    token = context[0];
  }

  /** Begins anew when the context has grown to its limit. */
  @Setup(Level.Invocation)
  public void begin() {
    if (session.position() == 0 || session.position() >= LIMIT) {
      session.reset();
      session.prefill(context);
      for (int i = 0; i < SETTLE; i++) {
        session.decode(token);
      }
    }
  }

  @Benchmark
  public float[] decode() {
    return session.decode(token);
  }
}
