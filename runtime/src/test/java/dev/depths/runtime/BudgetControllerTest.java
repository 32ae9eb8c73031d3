package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/** With a clock that is turned by hand. */
class BudgetControllerTest {
  private static final Dial DIAL = Dial.of(DialTest.CALIBRATION);
  private static final Dial MEASURED = DIAL.withSpeeds(DialTest.SPEEDS);

  private long nanos;

  private BudgetController controller(Dial dial, double millis) {
    return new BudgetController(dial, millis, () -> nanos);
  }

  /** Tokens that take what a machine needs at the capacity in force; the time of the last. */
  private double run(BudgetController controller, int tokens, DoubleUnaryOperator machine) {
    double took = 0;
    for (int i = 0; i < tokens; i++) {
      took = machine.applyAsDouble(controller.capacity());
      controller.begin();
      nanos += Math.round(took * 1e6);
      controller.end();
    }
    return took;
  }

  @Test
  void aMachineAsMeasuredStaysAtTheSetting() {
    BudgetController controller = controller(MEASURED, 7);
    assertEquals(0.4, controller.capacity(), 1e-12);
    run(controller, 50, MEASURED::time);
    assertEquals(0.4, controller.capacity(), 1e-6);
    BudgetUse use = controller.use();
    assertEquals(50, use.tokens());
    assertEquals(7, use.meanMillis(), 1e-6);
    assertEquals(0.4, use.mean().capacity(), 1e-6);
    assertEquals(MEASURED.capacity(0.4).thresholds().getFirst(), controller.thresholds()[0], 1e-6);
  }

  @Test
  void aSlowerMachineIsFollowed() {
    BudgetController controller = controller(MEASURED, 9);
    run(controller, 20, MEASURED::time);
    double took = run(controller, 60, capacity -> 1.25 * MEASURED.time(capacity));
    assertEquals(9, took, 0.1);
    assertEquals(MEASURED.budget(9 / 1.25).capacity(), controller.capacity(), 0.02);
    took = run(controller, 60, MEASURED::time);
    assertEquals(9, took, 0.1);
    assertTrue(controller.use().leastCapacity() < controller.use().mostCapacity());
  }

  /** What grows with the context does not depend on the capacity. */
  @Test
  void aGrowingContextIsFollowed() {
    BudgetController controller = controller(MEASURED, 10);
    int[] token = {0};
    double took = run(controller, 300, capacity -> MEASURED.time(capacity) + 0.01 * token[0]++);
    assertEquals(10, took, 0.3);
    assertEquals(MEASURED.budget(7).capacity(), controller.capacity(), 0.07);
  }

  @Test
  void theDialsBoundsHold() {
    Dial bounded = MEASURED.withLeast(0.6);
    BudgetController controller = controller(bounded, 5);
    run(controller, 50, capacity -> 3 * bounded.time(capacity));
    assertEquals(0.6, controller.capacity());
    assertEquals(0.6, controller.use().leastCapacity());
    run(controller, 200, _ -> 0.1);
    assertEquals(bounded.most(), controller.capacity());
  }

  @Test
  void aPauseChangesLittle() {
    BudgetController controller = controller(MEASURED, 8);
    run(controller, 40, MEASURED::time);
    double before = controller.capacity();
    run(controller, 1, _ -> 5000);
    assertTrue(controller.capacity() > before - 0.15, controller.capacity() + " after " + before);
    run(controller, 60, MEASURED::time);
    assertEquals(before, controller.capacity(), 0.02);
  }

  /** The first token tells how fast the machine is. */
  @Test
  void withoutSpeedsTheTimesAlone() {
    BudgetController controller = controller(DIAL, 7);
    assertEquals(1, controller.capacity());
    double took = run(controller, 40, capacity -> 10 * DIAL.time(capacity));
    assertEquals(7, took, 1e-3);
    assertEquals(0.6, controller.capacity(), 1e-3);
  }

  @Test
  void allocatesNothing() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    BudgetController controller = controller(MEASURED, 8);
    long least = Long.MAX_VALUE;
    // Asking allocates too, until its code is compiled or at least linked.
    for (int round = 0; round < 5; round++) {
      long before = threads.getCurrentThreadAllocatedBytes();
      for (int i = 0; i < 1000; i++) {
        controller.begin();
        nanos += 9_000_000;
        controller.end();
      }
      least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
    }
    assertEquals(0, least);
  }

  @Test
  void beginsAnew() {
    BudgetController controller = controller(MEASURED, 7);
    run(controller, 30, _ -> 20);
    controller.clear();
    assertEquals(0.4, controller.capacity(), 1e-12);
    assertEquals(0, controller.use().tokens());
    assertEquals(0.4, controller.use().leastCapacity(), 1e-12);
  }
}
