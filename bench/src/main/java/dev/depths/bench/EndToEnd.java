package dev.depths.bench;

import dev.depths.loader.DType;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.io.IOException;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A whole model, dense or with every other block routed at a capacity: the routed blocks compute a random share of the
 * tokens, with the kernels that a trained router's choice would run.
 */
@State(Scope.Benchmark)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public abstract class EndToEnd extends Defaults {
  private static final long SEED = 42;

  @Param("SMOLLM2_135M")
  Shape shape;

  @Param("Q4_1")
  DType weights;

  @Param({"1", "2"})
  int threads;

  /** dense, or the capacity of blocks 1, 3, 5, ... */
  @Param({"dense", "0.125", "0.25", "0.5", "1"})
  String routing;

  Model model;
  Session session;

  @Setup
  public void open() throws IOException {
    model = RandomModel.dense(shape.config(), weights, threads);
    Routing asked = routing.equals("dense") ? Routing.dense() : Routing.random(Double.parseDouble(routing), SEED);
    session = model.newSession(SessionOptions.defaults().withRouting(asked));
    draw();
  }

  /** Draws the tokens to compute; JMH promises no order among setup methods of its own. */
  abstract void draw();

  @TearDown
  public void close() {
    session.close();
    model.close();
  }

  /** Random tokens of the vocabulary. */
  int[] tokens(int count) {
    return new SplittableRandom(SEED).ints(count, 0, model.config().vocabulary()).toArray();
  }
}
