package dev.depths.loader;

import dev.depths.loader.ModelConfig.Rope;

/**
 * Context extension of rotary position embeddings: all of it amounts to other frequencies and a magnitude. Numbers as
 * in llama.cpp and Hugging Face transformers ({@code modeling_rope_utils}); computed in double, rounded once.
 */
sealed interface RopeScaling {
  /**
   * Scales the frequencies of a head, in place.
   *
   * @param base of the frequencies
   * @param dimensions elements of a head that are turned, two for each frequency
   */
  void scale(double[] frequencies, double base, int dimensions);

  /** Factor on sine and cosine. */
  default double magnitude() {
    return 1;
  }

  /** No scaling. */
  record None() implements RopeScaling {
    @Override
    public void scale(double[] frequencies, double base, int dimensions) {}
  }

  /** All positions divided by a factor. */
  record Linear(double factor) implements RopeScaling {
    @Override
    public void scale(double[] frequencies, double base, int dimensions) {
      for (int i = 0; i < frequencies.length; i++) {
        frequencies[i] /= factor;
      }
    }
  }

  /**
   * Low frequencies divided by a factor, high ones kept, a linear ramp between (Llama 3.1).
   *
   * @param context length of the original context
   */
  record Llama3(double factor, double lowFrequency, double highFrequency, double context) implements RopeScaling {
    @Override
    public void scale(double[] frequencies, double base, int dimensions) {
      for (int i = 0; i < frequencies.length; i++) {
        frequencies[i] = scaled(frequencies[i]);
      }
    }

    private double scaled(double frequency) {
      double turns = context * frequency / (2 * Math.PI);
      if (turns < lowFrequency) {
        return frequency / factor;
      }
      if (turns > highFrequency) {
        return frequency;
      }
      double smooth = (turns - lowFrequency) / (highFrequency - lowFrequency);
      return (1 - smooth) * frequency / factor + smooth * frequency;
    }
  }

  /**
   * YaRN, arXiv 2309.00071.
   *
   * @param context length of the original context
   * @param betaFast turns over that context beyond which a frequency is kept
   * @param betaSlow turns below which it is divided by the factor
   * @param magnitude factor on sine and cosine
   */
  record Yarn(double factor, double context, double betaFast, double betaSlow, double magnitude)
      implements RopeScaling {
    /** The magnitude that the paper recommends for a factor. */
    static double magnitude(double factor) {
      return magnitude(factor, 1);
    }

    static double magnitude(double factor, double scale) {
      return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    }

    @Override
    public void scale(double[] frequencies, double base, int dimensions) {
      double low = Math.max(0, Math.floor(pairOfTurns(betaFast, base, dimensions)));
      double high = Math.min(dimensions - 1, Math.ceil(pairOfTurns(betaSlow, base, dimensions)));
      for (int i = 0; i < frequencies.length; i++) {
        double ramp = Math.clamp((i - low) / Math.max(0.001, high - low), 0.0, 1.0);
        frequencies[i] = frequencies[i] / factor * ramp + frequencies[i] * (1 - ramp);
      }
    }

    /** The (fractional) pair that turns so many times over the context. */
    private double pairOfTurns(double turns, double base, int dimensions) {
      return dimensions * Math.log(context / (turns * 2 * Math.PI)) / (2 * Math.log(base));
    }
  }

  /**
   * The frequencies of a head, scaled.
   *
   * @param dimensions elements of a head that are turned, two for each frequency
   * @param factors divisors of the frequencies before scaling, one for each, or null
   */
  default Rope rope(Rope.Layout layout, double base, int dimensions, float[] factors) {
    double[] frequencies = unscaled(base, dimensions);
    for (int i = 0; factors != null && i < frequencies.length; i++) {
      frequencies[i] /= factors[i];
    }
    scale(frequencies, base, dimensions);
    float[] rounded = new float[frequencies.length];
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = (float) frequencies[i];
    }
    return new Rope(layout, rounded, (float) magnitude());
  }

  /** What the scaling divides the frequencies of a head by, one for each. */
  default float[] divisors(double base, int dimensions) {
    double[] unscaled = unscaled(base, dimensions);
    double[] scaled = unscaled.clone();
    scale(scaled, base, dimensions);
    float[] divisors = new float[scaled.length];
    for (int i = 0; i < divisors.length; i++) {
      divisors[i] = (float) (unscaled[i] / scaled[i]);
    }
    return divisors;
  }

  private static double[] unscaled(double base, int dimensions) {
    double[] frequencies = new double[dimensions / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = Math.pow(base, -2.0 * i / dimensions);
    }
    return frequencies;
  }
}
