package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The routed block by the height of its tile, in rows computed per second. A model of such blocks alone takes a prompt
 * in chunks of two tile heights, of which each block computes half; at all heights it computes as many rows over the
 * same growing cache, so rates differ by the height alone. Router, gather and scatter are part of it, and an eighth of
 * the embedding and of RoPE's sines.
 */
@State(Scope.Benchmark)
public class RoutedBlockBenchmark extends Defaults {
  /** A whole number of tiles of every height. */
  private static final int ROWS = 384;

  private static final int BLOCKS = 8;

  @Param("SMOLLM2_135M")
  Shape shape;

  @Param("Q4_1")
  DType weights;

  @Param({"1", "2"})
  int threads;

  @Param({"1", "2", "3", "4", "6", "8", "12", "16", "32", "64", "128"})
  int height;

  private Model model;
  private Session session;
  private int[] prompt;

  @Setup
  public void open() throws IOException {
    model = RandomModel.routed(shape.blocks(BLOCKS), weights, threads);
    session = model.newSession(SessionOptions.defaults().withRouting(Routing.random(0.5, 1)).withChunk(2 * height));
    prompt = new SplittableRandom(1).ints(2 * ROWS, 0, model.config().vocabulary()).toArray();
  }

  @TearDown
  public void close() {
    session.close();
    model.close();
  }

  @Benchmark
  @OperationsPerInvocation(BLOCKS * ROWS)
  public float[] block(Work.Flops work) {
    session.reset();
    float[] logits = session.prefill(prompt);
    work.add(BLOCKS * Flops.block(model.config(), ROWS));
    return logits;
  }
}
