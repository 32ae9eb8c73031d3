package dev.depths.runtime;

import dev.depths.loader.ModelConfig.Rope;
import java.util.Arrays;

/** Sines and cosines of rotary position embedding, [position][pair], for as many positions as were needed so far. */
final class RopeTable {
  private final float[] frequencies;
  private final float magnitude;
  private float[] cos = new float[0];
  private float[] sin = new float[0];
  private int positions;

  RopeTable(Rope rope) {
    this.frequencies = rope.inverseFrequencies();
    this.magnitude = rope.magnitude();
  }

  /** Has the table reach to {@code n} positions. */
  void reach(int n) {
    int pairs = frequencies.length;
    if (n * pairs > cos.length) {
      int length = Math.max(n, Math.min(2 * positions, Integer.MAX_VALUE / 2 / Math.max(pairs, 1))) * pairs;
      cos = Arrays.copyOf(cos, length);
      sin = Arrays.copyOf(sin, length);
    }
    for (; positions < n; positions++) {
      for (int i = 0; i < pairs; i++) {
        double angle = positions * frequencies[i];
        cos[positions * pairs + i] = (float) Math.cos(angle) * magnitude;
        sin[positions * pairs + i] = (float) Math.sin(angle) * magnitude;
      }
    }
  }

  int pairs() {
    return frequencies.length;
  }

  float[] cos() {
    return cos;
  }

  float[] sin() {
    return sin;
  }
}
