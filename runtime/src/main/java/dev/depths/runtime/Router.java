package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.runtime.kernel.Kernels;

/**
 * A linear router in f32 with a threshold: a token runs if sigmoid(score) is above it.
 *
 * @param weight one per element of the residual stream
 * @param bias added to the score
 * @param threshold on sigmoid(score)
 * @param combine how the block's output joins the residual
 * @param initialTokens the first n positions always run
 */
record Router(float[] weight, float bias, double threshold, Combine combine, int initialTokens) {
  float score(Kernels kernels, float[] x, int offset) {
    return kernels.dot(x, offset, weight, 0, weight.length) + bias;
  }

  boolean selects(float score, int position) {
    return position < initialTokens || sigmoid(score) > threshold;
  }

  /** Whether the block's output is added as it is, so that the residual stream can be updated in place. */
  boolean hardGate() {
    return combine == Combine.ADD;
  }

  /** Factor on f in x + factor · f. */
  float gate(float score) {
    return switch (combine) {
      case ADD -> 1;
      case SCORE -> score;
      case SIGMOID -> (float) sigmoid(score);
      case TANH -> (float) (1 + 0.2 * Math.tanh(score));
      default -> throw new IllegalStateException(combine + " was not refused at load");
    };
  }

  long bytes() {
    return 4L * weight.length + 4;
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }
}
