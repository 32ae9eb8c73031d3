package dev.depths.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class WarmupTest {
  /** Whether all were seen fast depends on the machine's other work; but it runs them all, and gives up in time. */
  @Test
  @Timeout(30)
  void runsTheKernelsOfEveryFormat() {
    Warmup.run(new VectorKernels(), EnumSet.allOf(PanelFormat.class));
  }

  @Test
  void plainLoopsNeedNone() {
    assertTrue(Warmup.run(new ScalarKernels(), EnumSet.allOf(PanelFormat.class)));
  }
}
