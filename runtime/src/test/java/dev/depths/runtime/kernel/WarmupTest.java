package dev.depths.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.EnumSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class WarmupTest {
  private static final String LOOPS = new LoopKernels().describe();
  private static final String VECTORS = new VectorKernels().describe();

  /** Whether all were seen fast depends on the machine's other work; but it runs them all, and gives up in time. */
  @Test
  @Timeout(30)
  void aLongFirstPassWaitsForTheVectors() {
    Warmup warmup = Warmup.start(EnumSet.allOf(PanelFormat.class));
    warmup.beginPass(1000, 1L << 30);
    assertEquals(VECTORS, warmup.kernels().describe());
    warmup.endPass();
  }

  @Test
  @Timeout(30)
  void aShortFirstPassRunsOnLoopsAndTheNextOnVectors() {
    Warmup warmup = Warmup.start(EnumSet.of(PanelFormat.I4));
    warmup.beginPass(2, 1 << 20);
    assertEquals(LOOPS, warmup.kernels().describe());
    warmup.endPass();
    warmup.beginPass(1, 1 << 20);
    assertEquals(VECTORS, warmup.kernels().describe());
    warmup.endPass();
  }
}
