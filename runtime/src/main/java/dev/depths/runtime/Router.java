package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Router.Activation;
import dev.depths.runtime.kernel.Kernels;

/** Gives tokens their scores, from rows of the residual stream or of what a block makes of it, in f32. */
sealed interface Router {
  /** @param scratch of at least {@link #hidden()} elements */
  float score(Kernels kernels, float[] x, int offset, float[] scratch);

  /** Width of the layer between. */
  int hidden();

  /** Bytes that a pass reads. */
  long bytes();

  /** w·x + b. */
  record OneLayer(float[] weight, float bias) implements Router {
    @Override
    public float score(Kernels kernels, float[] x, int offset, float[] scratch) {
      return kernels.dot(x, offset, weight, 0, weight.length) + bias;
    }

    @Override
    public int hidden() {
      return 0;
    }

    @Override
    public long bytes() {
      return 4L * weight.length + 4;
    }
  }

  /**
   * W2 · act(norm(W1·x + b1)) + b2.
   *
   * @param up W1 [hidden, width]
   * @param upBias b1 [hidden], zeros if the model has none
   * @param norm RMSNorm [hidden], or null
   * @param down W2 [hidden]
   */
  record TwoLayers(float[] up, float[] upBias, float[] norm, float epsilon, Activation activation, float[] down, float bias)
      implements Router {
    @Override
    public float score(Kernels kernels, float[] x, int offset, float[] scratch) {
      int hidden = down.length;
      int width = up.length / hidden;
      for (int i = 0; i < hidden; i++) {
        scratch[i] = kernels.dot(x, offset, up, i * width, width) + upBias[i];
      }
      if (norm != null) {
        kernels.rmsNorm(scratch, 0, hidden, norm, epsilon, scratch, 0);
      }
      for (int i = 0; i < hidden; i++) {
        scratch[i] = (float) activated(scratch[i]);
      }
      return kernels.dot(scratch, 0, down, 0, hidden) + bias;
    }

    private double activated(double x) {
      return switch (activation) {
        case SILU -> x * sigmoid(x);
        case RELU -> Math.max(x, 0);
        case GELU -> x * (1 + erf(x / Math.sqrt(2))) / 2;
        case TANH -> Math.tanh(x);
        case IDENTITY -> x;
      };
    }

    @Override
    public int hidden() {
      return down.length;
    }

    @Override
    public long bytes() {
      return 4L * (up.length + upBias.length + (norm == null ? 0 : norm.length) + down.length + 1);
    }
  }

  static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** The error function by a series of terms of one sign (Abramowitz and Stegun, 7.1.6). */
  private static double erf(double x) {
    if (Math.abs(x) > 6) {
      return Math.signum(x);
    }
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }
}
