package dev.depths.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.CompilerControl;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;

/**
 * What the machine can do at most, as the Vector API reaches it: the denominators of all other rates. Multiply-adds in
 * registers alone, and reading a buffer too large for any cache, on one thread and on two, at the runtime's width.
 */
@State(Scope.Thread)
public class ProbeBenchmark extends Defaults {
  private static final VectorShape SHAPE = shape();
  private static final VectorSpecies<Float> FLOATS = VectorSpecies.of(float.class, SHAPE);
  private static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, SHAPE);
  private static final int BYTES = SHAPE.vectorBitSize() / Byte.SIZE;

  /** More than the latency of a multiply-add times the units that do them, fewer than any machine's registers. */
  private static final int ACCUMULATORS = 12;

  private static final int STEPS = 10_000;

  /** Each thread reads a buffer of this size. */
  @Param("512")
  int mebibytes;

  private Arena arena;
  private MemorySegment buffer;

  private static VectorShape shape() {
    return VectorShape.forBitSize(
        Integer.getInteger("depths.vectorBits", Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize())));
  }

  @Setup
  public void allocate() {
    arena = Arena.ofShared();
    buffer = arena.allocate(mebibytes * (1L << 20), 64);
    buffer.fill((byte) 1);
  }

  @TearDown
  public void close() {
    arena.close();
  }

  @Benchmark
  @Threads(1)
  public float fmaOneThread(Work.Flops work) {
    return fma(work);
  }

  @Benchmark
  @Threads(2)
  public float fmaTwoThreads(Work.Flops work) {
    return fma(work);
  }

  @Benchmark
  @Threads(1)
  public long readOneThread(Work.Bytes work) {
    return read(work);
  }

  @Benchmark
  @Threads(2)
  public long readTwoThreads(Work.Bytes work) {
    return read(work);
  }

  /** Compiled alone: inlined into the measuring loop, C2 spills the accumulators, and half the peak is gone. */
  @CompilerControl(CompilerControl.Mode.DONT_INLINE)
  private static float fma(Work.Flops work) {
    work.add(2.0 * ACCUMULATORS * FLOATS.length() * STEPS);
    FloatVector m = FloatVector.broadcast(FLOATS, 0.999f);
    FloatVector b = FloatVector.broadcast(FLOATS, 0.001f);
    FloatVector a0 = b, a1 = b, a2 = b, a3 = b, a4 = b, a5 = b, a6 = b, a7 = b, a8 = b, a9 = b, a10 = b, a11 = b;
    for (int i = 0; i < STEPS; i++) {
      a0 = a0.fma(m, b);
      a1 = a1.fma(m, b);
      a2 = a2.fma(m, b);
      a3 = a3.fma(m, b);
      a4 = a4.fma(m, b);
      a5 = a5.fma(m, b);
      a6 = a6.fma(m, b);
      a7 = a7.fma(m, b);
      a8 = a8.fma(m, b);
      a9 = a9.fma(m, b);
      a10 = a10.fma(m, b);
      a11 = a11.fma(m, b);
    }
    FloatVector sum = a0.add(a1).add(a2).add(a3).add(a4.add(a5).add(a6).add(a7)).add(a8.add(a9).add(a10).add(a11));
    return sum.reduceLanes(VectorOperators.ADD);
  }

  private long read(Work.Bytes work) {
    MemorySegment from = buffer;
    long size = from.byteSize();
    work.add(size);
    LongVector a = LongVector.zero(LONGS);
    LongVector b = a;
    LongVector c = a;
    LongVector d = a;
    for (long o = 0; o < size; o += 4L * BYTES) {
      a = a.add(LongVector.fromMemorySegment(LONGS, from, o, ByteOrder.LITTLE_ENDIAN));
      b = b.add(LongVector.fromMemorySegment(LONGS, from, o + BYTES, ByteOrder.LITTLE_ENDIAN));
      c = c.add(LongVector.fromMemorySegment(LONGS, from, o + 2L * BYTES, ByteOrder.LITTLE_ENDIAN));
      d = d.add(LongVector.fromMemorySegment(LONGS, from, o + 3L * BYTES, ByteOrder.LITTLE_ENDIAN));
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }
}
