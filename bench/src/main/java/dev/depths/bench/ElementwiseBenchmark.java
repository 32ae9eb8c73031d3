package dev.depths.bench;

import dev.depths.runtime.kernel.Activations;
import dev.depths.runtime.kernel.PanelFormat;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;

/** Kernels on single vectors, in elements per second. */
public class ElementwiseBenchmark extends KernelBenchmark {
  /** A panel's rows, SmolLM2-135M's embedding and its vocabulary. */
  @Param({"32", "576", "49152"})
  int elements;

  private float[] x;
  private float[] y;
  private float[] out;
  private Activations activations;

  @Override
  void fill() {
    x = floats(elements);
    y = floats(elements);
    out = floats(elements);
    activations = new Activations(1, elements, 1);
    System.arraycopy(x, 0, activations.f32(), 0, elements);
  }

  @Benchmark
  public float[] rmsNorm(Work.Elements work) {
    kernels.rmsNorm(x, 0, elements, y, 1e-5f, out, 0);
    work.add(elements);
    return out;
  }

  /** With the copy that gives each call the same input, as its result is in the input's place. */
  @Benchmark
  public float[] siluMultiply(Work.Elements work) {
    System.arraycopy(x, 0, out, 0, elements);
    kernels.siluMultiply(out, 0, y, 0, elements);
    work.add(elements);
    return out;
  }

  /** With the copy, as above. */
  @Benchmark
  public float[] softmax(Work.Elements work) {
    System.arraycopy(x, 0, out, 0, elements);
    kernels.softmax(out, 0, elements, 0.125f);
    work.add(elements);
    return out;
  }

  @Benchmark
  public float logSumExp(Work.Elements work) {
    work.add(elements);
    return kernels.logSumExp(x, 0, elements);
  }

  @Benchmark
  public Activations quantizeForNibbles(Work.Elements work) {
    kernels.quantize(activations, 0, 0, elements, PanelFormat.I4.activationRange());
    work.add(elements);
    return activations;
  }

  @Benchmark
  public Activations quantizeForBytes(Work.Elements work) {
    kernels.quantize(activations, 0, 0, elements, PanelFormat.I8.activationRange());
    work.add(elements);
    return activations;
  }

  /** With the copy, as above; halves of {@code x} and {@code y} stand for cosines and sines. */
  @Benchmark
  public float[] rotate(Work.Elements work) {
    System.arraycopy(x, 0, out, 0, elements);
    kernels.rotate(out, 0, x, y, 0, elements / 2);
    work.add(elements);
    return out;
  }

  @Benchmark
  public float dot(Work.Elements work) {
    work.add(elements);
    return kernels.dot(x, 0, y, 0, elements);
  }

  @Benchmark
  public float[] add(Work.Elements work) {
    kernels.add(out, 0, y, 0, elements);
    work.add(elements);
    return out;
  }
}
