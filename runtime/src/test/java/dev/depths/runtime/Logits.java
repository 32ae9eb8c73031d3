package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Logits of every position, and their comparison. */
final class Logits {
  private Logits() {}

  /** Logits of a prefill, [token][vocabulary]. */
  static float[][] prefill(Session session, int vocabulary, int... tokens) {
    List<float[]> all = new ArrayList<>();
    session.prefill(tokens, (position, logits) -> all.add(Arrays.copyOf(logits, vocabulary)));
    return all.toArray(float[][]::new);
  }

  /** Logits of the same, token by token. */
  static float[][] decode(Session session, int vocabulary, int... tokens) {
    return Arrays.stream(tokens).mapToObj(t -> Arrays.copyOf(session.decode(t), vocabulary)).toArray(float[][]::new);
  }

  static float[][] append(float[][] a, float[][] b) {
    float[][] all = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, all, a.length, b.length);
    return all;
  }

  /** Mean squared error over variance, of all positions together. */
  static double nmse(double[][] expected, float[][] actual) {
    double mean = Arrays.stream(expected).flatMapToDouble(Arrays::stream).average().orElseThrow();
    double error = 0;
    double variance = 0;
    for (int i = 0; i < expected.length; i++) {
      for (int j = 0; j < expected[i].length; j++) {
        error += Math.pow(expected[i][j] - actual[i][j], 2);
        variance += Math.pow(expected[i][j] - mean, 2);
      }
    }
    return error / variance;
  }

  static double nmse(float[][] expected, float[][] actual) {
    double[][] wide = new double[expected.length][];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = new double[expected[i].length];
      for (int j = 0; j < wide[i].length; j++) {
        wide[i][j] = expected[i][j];
      }
    }
    return nmse(wide, actual);
  }

  static void assertClose(double[][] expected, float[][] actual, double bound) {
    double nmse = nmse(expected, actual);
    assertTrue(expected.length == actual.length && nmse <= bound, () -> "NMSE " + nmse + " above " + bound);
  }

  static void assertClose(float[][] expected, float[][] actual, double bound) {
    double nmse = nmse(expected, actual);
    assertTrue(expected.length == actual.length && nmse <= bound, () -> "NMSE " + nmse + " above " + bound);
  }
}
