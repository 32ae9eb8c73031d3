package dev.depths.runtime.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Norms, rotations and sums; a scalar loop finishes what does not fill a vector. */
final class Elementwise {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;

  private Elementwise() {}

  static void rmsNorm(float[] x, int xOffset, int n, float[] weight, float epsilon, float[] out, int outOffset) {
    float meanSquare = dot(x, xOffset, x, xOffset, n) / n;
    float scale = (float) (1.0 / Math.sqrt(meanSquare + epsilon));
    FloatVector s = FloatVector.broadcast(F, scale);
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.fromArray(F, x, xOffset + i).mul(s).mul(FloatVector.fromArray(F, weight, i)).intoArray(out, outOffset + i);
    }
    for (; i < n; i++) {
      out[outOffset + i] = x[xOffset + i] * scale * weight[i];
    }
  }

  static void rotate(float[] x, int offset, float[] cos, float[] sin, int tableOffset, int pairs) {
    int i = 0;
    for (; i <= pairs - L; i += L) {
      FloatVector a = FloatVector.fromArray(F, x, offset + i);
      FloatVector b = FloatVector.fromArray(F, x, offset + pairs + i);
      FloatVector c = FloatVector.fromArray(F, cos, tableOffset + i);
      FloatVector s = FloatVector.fromArray(F, sin, tableOffset + i);
      a.mul(c).sub(b.mul(s)).intoArray(x, offset + i);
      a.mul(s).add(b.mul(c)).intoArray(x, offset + pairs + i);
    }
    for (; i < pairs; i++) {
      float a = x[offset + i];
      float b = x[offset + pairs + i];
      float c = cos[tableOffset + i];
      float s = sin[tableOffset + i];
      x[offset + i] = a * c - b * s;
      x[offset + pairs + i] = a * s + b * c;
    }
  }

  static float dot(float[] a, int aOffset, float[] b, int bOffset, int n) {
    FloatVector acc0 = FloatVector.zero(F);
    FloatVector acc1 = acc0;
    int i = 0;
    for (; i <= n - 2 * L; i += 2 * L) {
      acc0 = FloatVector.fromArray(F, a, aOffset + i).fma(FloatVector.fromArray(F, b, bOffset + i), acc0);
      acc1 = FloatVector.fromArray(F, a, aOffset + i + L).fma(FloatVector.fromArray(F, b, bOffset + i + L), acc1);
    }
    float sum = Simd.sum(acc0.add(acc1));
    for (; i < n; i++) {
      sum = Math.fma(a[aOffset + i], b[bOffset + i], sum);
    }
    return sum;
  }

  static void add(float[] y, int yOffset, float[] x, int xOffset, int n) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.fromArray(F, y, yOffset + i).add(FloatVector.fromArray(F, x, xOffset + i)).intoArray(y, yOffset + i);
    }
    for (; i < n; i++) {
      y[yOffset + i] += x[xOffset + i];
    }
  }

  static void scale(float[] x, int offset, int n, float factor) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector.fromArray(F, x, offset + i).mul(factor).intoArray(x, offset + i);
    }
    for (; i < n; i++) {
      x[offset + i] *= factor;
    }
  }
}
