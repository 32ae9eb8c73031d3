package dev.depths.runtime.kernel;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.depths.runtime.kernel.StagedKernels.Group;
import dev.depths.runtime.kernel.Warmup.Compiled;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class WarmupTest {
  /** Whether all were seen fast depends on the machine's other work; but it runs them all, and gives up in time. */
  @Test
  @Timeout(120)
  void allKernelsAreVectorsInTheEnd() throws InterruptedException {
    Warmup warmup = start(EnumSet.allOf(PanelFormat.class));
    warmup.await();
    assertAll(VectorKernels.class, warmup);
  }

  @Test
  @Timeout(120)
  void aFirstPassOfFewRowsHasLoops() throws InterruptedException {
    Warmup warmup = start(EnumSet.of(PanelFormat.I4));
    warmup.beginPass(2, 1 << 20);
    Thread.sleep(10);
    for (Group group : EnumSet.complementOf(EnumSet.of(Group.GEMM))) {
      assertInstanceOf(LoopKernels.class, of(group, warmup));
    }
    warmup.endPass();
    warmup.await();
    assertAll(VectorKernels.class, warmup);
  }

  @Test
  @Timeout(120)
  void aFirstPassOfSomeRowsHasVectorsForItsProducts() throws InterruptedException {
    for (PanelFormat format : new PanelFormat[] {PanelFormat.I4, PanelFormat.I8, PanelFormat.F32}) {
      Warmup warmup = start(EnumSet.of(format));
      warmup.beginPass(Kernels.gemvRows(format), 1 << 20);
      Class<? extends Kernels> products = Kernels.gemvRows(format) > 8 ? VectorKernels.class : LoopKernels.class;
      assertInstanceOf(products, of(Group.ROWS, warmup));
      assertInstanceOf(LoopKernels.class, of(Group.UNPACK, warmup));
      warmup.endPass();
      warmup.await();
      assertAll(VectorKernels.class, warmup);
    }
  }

  @Test
  @Timeout(120)
  void aShortFirstPassOfManyRowsHasVectorsForItsProducts() throws InterruptedException {
    Warmup warmup = start(EnumSet.of(PanelFormat.I4));
    warmup.beginPass(Kernels.MOST_GEMV_ROWS + 1, 1 << 20);
    assertInstanceOf(VectorKernels.class, of(Group.GEMM, warmup));
    assertInstanceOf(LoopKernels.class, of(Group.UNPACK, warmup));
    warmup.endPass();
    warmup.await();
    assertAll(VectorKernels.class, warmup);
  }

  @Test
  @Timeout(120)
  void aLongFirstPassBeginsOnLoopsAndVectorsFollow() throws InterruptedException {
    Warmup warmup = start(EnumSet.of(PanelFormat.I4));
    warmup.beginPass(1000, 1L << 30);
    warmup.await();
    assertAll(VectorKernels.class, warmup);
    warmup.endPass();
  }

  @Test
  @Timeout(120)
  void aDecodeAfterALongFirstPassHasItsVectors() throws InterruptedException {
    Warmup warmup = start(EnumSet.of(PanelFormat.I4));
    warmup.beginPass(1000, 1L << 30);
    warmup.endPass();
    warmup.beginPass(1, 1L << 30);
    assertInstanceOf(VectorKernels.class, of(Group.GEMV, warmup));
    warmup.endPass();
    warmup.await();
    assertAll(VectorKernels.class, warmup);
  }

  @Test
  @Timeout(120)
  void whileOneRowIsDecodedKernelsForMoreWait() throws InterruptedException {
    Warmup warmup = start(EnumSet.of(PanelFormat.I4));
    warmup.beginPass(2, 1 << 20);
    warmup.endPass();
    warmup.beginPass(1, 1 << 20);
    assertInstanceOf(VectorKernels.class, of(Group.GEMV, warmup));
    while (!(of(Group.ELEMENTWISE, warmup) instanceof VectorKernels)) {
      Thread.sleep(10);
    }
    Thread.sleep(50);
    assertInstanceOf(LoopKernels.class, of(Group.UNPACK, warmup));
    warmup.await();
    assertAll(VectorKernels.class, warmup);
    warmup.endPass();
  }

  @Test
  @Timeout(120)
  void whatNoPassWantedFollowsOnceNoneHasRunForAWhile() throws InterruptedException {
    Warmup warmup = start(EnumSet.of(PanelFormat.I4));
    warmup.beginPass(1, 1 << 20);
    warmup.endPass();
    for (Group group : Group.values()) {
      while (!(of(group, warmup) instanceof VectorKernels)) {
        Thread.sleep(10);
      }
    }
    warmup.await();
  }

  @Test
  @Timeout(120)
  void whatIsCompiledIsUsedAtOnce() throws InterruptedException {
    Set<Compiled> compiled = new HashSet<>();
    for (Group group : Group.values()) {
      compiled.add(new Compiled(group, group == Group.GEMV || group == Group.ROWS || group == Group.UNPACK ? PanelFormat.I8 : null));
    }
    Warmup warmup = new Warmup(Kernels.select(), EnumSet.of(PanelFormat.I8), compiled);
    warmup.beginPass(2, 1 << 20);
    assertAll(VectorKernels.class, warmup);
    warmup.endPass();
    Warmup other = new Warmup(Kernels.select(), EnumSet.of(PanelFormat.I4), compiled);
    other.beginPass(2, 1 << 20);
    assertInstanceOf(LoopKernels.class, of(Group.GEMV, other));
    other.endPass();
    other.close();
    other.await();
  }

  private static Warmup start(Set<PanelFormat> formats) {
    return new Warmup(Kernels.select(), formats, new HashSet<>());
  }

  private static void assertAll(Class<? extends Kernels> type, Warmup warmup) {
    for (Group group : Group.values()) {
      assertInstanceOf(type, of(group, warmup));
    }
  }

  private static Kernels of(Group group, Warmup warmup) {
    return assertInstanceOf(StagedKernels.class, warmup.kernels()).of(group);
  }
}
