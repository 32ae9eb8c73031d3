package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.depths.loader.DType;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A decode allocates nothing, on any thread, once its code is compiled: until then vectors are objects, as they are
 * wherever one crosses a call that the compiler does not inline. When the compiler is done is not for a test to say, so
 * it waits for that, and then wants every further token free.
 */
@Tag("allocation")
@Timeout(90)
class AllocationTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int WINDOW = 100;
  private static final int FREE_WINDOWS = 5;
  private static final long PATIENCE_NANOS = 60_000_000_000L;

  @ParameterizedTest
  @CsvSource({"1, Q4_0", "2, Q4_1", "2, Q8_0", "1, Q2_K", "1, F16", "1, BF16", "1, F32"})
  void decodeAllocatesNothing(int threads, DType type) {
    TinyModel tiny = TinyModel.dense(TinyModel.EVEN, type, 1).routed(TinyModel.SIGMOID, 0, false, 1).bypassed(1);
    int[] tokens = tiny.tokens(WINDOW, 1);
    try (Model model = tiny.open(ModelOptions.defaults().withThreads(threads)); Session session = model.newSession()) {
      long[] workers = workers(model);
      assertEquals(threads - 1, workers.length);
      // The cache and the scores have their size then.
      session.prefill(tokens);
      int free = 0;
      long least = Long.MAX_VALUE;
      long end = System.nanoTime() + PATIENCE_NANOS;
      while (free < FREE_WINDOWS && System.nanoTime() < end) {
        session.reset();
        long allocated = -allocated(workers) - THREADS.getCurrentThreadAllocatedBytes();
        for (int token : tokens) {
          session.decode(token);
        }
        allocated += THREADS.getCurrentThreadAllocatedBytes() + allocated(workers);
        least = Math.min(least, allocated);
        free = allocated == 0 ? free + 1 : 0;
      }
      long bytes = least;
      assertTrue(free == FREE_WINDOWS, () -> "at least " + bytes / WINDOW + " bytes per token");
    }
  }

  private static long allocated(long[] threads) {
    long bytes = 0;
    for (long id : threads) {
      bytes += THREADS.getThreadAllocatedBytes(id);
    }
    return bytes;
  }

  private static long[] workers(Model model) {
    return model.workers().threads().stream().mapToLong(Thread::threadId).toArray();
  }
}
