package dev.depths.runtime;

import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * A piecewise linear function through points, constant beyond the outermost.
 *
 * @param x ascending, at least one
 * @param y as many
 */
record Curve(double[] x, double[] y) {
  static <T> Curve of(List<T> points, ToDoubleFunction<T> x, ToDoubleFunction<T> y) {
    return new Curve(points.stream().mapToDouble(x).toArray(), points.stream().mapToDouble(y).toArray());
  }

  /** The nearest function that nowhere falls, by least squares: what does fall is averaged (pool adjacent violators). */
  Curve rising() {
    double[] sums = new double[y.length];
    int[] counts = new int[y.length];
    int pools = 0;
    for (double value : y) {
      sums[pools] = value;
      counts[pools++] = 1;
      while (pools > 1 && sums[pools - 2] / counts[pools - 2] > sums[pools - 1] / counts[pools - 1]) {
        pools--;
        sums[pools - 1] += sums[pools];
        counts[pools - 1] += counts[pools];
      }
    }
    double[] rising = new double[y.length];
    int next = 0;
    for (int p = 0; p < pools; p++) {
      Arrays.fill(rising, next, next + counts[p], sums[p] / counts[p]);
      next += counts[p];
    }
    return new Curve(x, rising);
  }

  double at(double v) {
    int last = x.length - 1;
    if (v <= x[0] || last == 0) {
      return y[0];
    }
    int i = 1;
    while (i < last && x[i] < v) {
      i++;
    }
    return v >= x[i] ? y[i] : y[i - 1] + (v - x[i - 1]) / (x[i] - x[i - 1]) * (y[i] - y[i - 1]);
  }

  /** Where the value is first at most a limit on the way between two places, either of which may be the greater; or NaN. */
  double firstAtMost(double limit, double from, double to) {
    double before = from;
    double valueBefore = at(from);
    if (valueBefore <= limit) {
      return from;
    }
    boolean up = to >= from;
    for (int k = 0; k <= x.length; k++) {
      double next = k == x.length ? to : x[up ? k : x.length - 1 - k];
      if (up ? next <= before || next > to : next >= before || next < to) {
        continue;
      }
      double value = at(next);
      if (value <= limit) {
        return next + (limit - value) / (valueBefore - value) * (before - next);
      }
      before = next;
      valueBefore = value;
    }
    return Double.NaN;
  }

  /** Where the value is least between two places: the first such one on the way. */
  double least(double from, double to) {
    double best = at(to) < at(from) ? to : from;
    for (int i = 0; i < x.length; i++) {
      boolean between = x[i] > Math.min(from, to) && x[i] < Math.max(from, to);
      if (between && y[i] < at(best)) {
        best = x[i];
      }
    }
    return best;
  }
}
