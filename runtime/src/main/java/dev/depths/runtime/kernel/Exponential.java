package dev.depths.runtime.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * What needs e^x: SiLU, softmax, log-sum-exp. The exponential is our own, so that results do not depend on which maths
 * library a platform's JDK ships: range reduction by ln 2 in two parts, a Taylor polynomial of degree 6 on ±ln(2)/2
 * (error below 2^-22), and the power of two put into the exponent.
 */
final class Exponential {
  private static final VectorSpecies<Float> F = Simd.FLOATS;
  private static final int L = Simd.LANES;

  /** Below it e^x is not a normal float any more; the result is then e^MIN, about 1e-38, which no sum notices. */
  private static final float MIN = -87f;
  private static final float MAX = 88f;
  private static final float LOG2_E = 1.44269504f;
  /** Its product with any exponent is exact: the low bits are zero. */
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;
  /** Adding it rounds a float to an integer, kept in the low bits. */
  private static final float ROUND = 0x1.8p23f;

  private Exponential() {}

  private static FloatVector exp(FloatVector x) {
    x = x.max(MIN).min(MAX);
    FloatVector rounded = x.mul(LOG2_E).add(ROUND);
    FloatVector n = rounded.sub(ROUND);
    FloatVector r = n.fma(FloatVector.broadcast(F, -LN2_HIGH), x);
    r = n.fma(FloatVector.broadcast(F, -LN2_LOW), r);
    FloatVector p = FloatVector.broadcast(F, 1 / 720f);
    p = p.fma(r, FloatVector.broadcast(F, 1 / 120f));
    p = p.fma(r, FloatVector.broadcast(F, 1 / 24f));
    p = p.fma(r, FloatVector.broadcast(F, 1 / 6f));
    p = p.fma(r, FloatVector.broadcast(F, 0.5f));
    p = p.fma(r, FloatVector.broadcast(F, 1f));
    p = p.fma(r, FloatVector.broadcast(F, 1f));
    // n sits in the low bits of `rounded`; shifted to the exponent's place it multiplies by 2^n.
    return p.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats();
  }

  static float exp(float x) {
    x = Math.min(Math.max(x, MIN), MAX);
    float rounded = x * LOG2_E + ROUND;
    float n = rounded - ROUND;
    float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
    float p = 1 / 720f;
    p = Math.fma(p, r, 1 / 120f);
    p = Math.fma(p, r, 1 / 24f);
    p = Math.fma(p, r, 1 / 6f);
    p = Math.fma(p, r, 0.5f);
    p = Math.fma(p, r, 1f);
    p = Math.fma(p, r, 1f);
    return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(rounded) << 23));
  }

  static void siluMultiply(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector g = FloatVector.fromArray(F, gate, gateOffset + i);
      g.div(exp(g.neg()).add(1f)).mul(FloatVector.fromArray(F, up, upOffset + i)).intoArray(gate, gateOffset + i);
    }
    for (; i < n; i++) {
      float g = gate[gateOffset + i];
      gate[gateOffset + i] = g / (exp(-g) + 1f) * up[upOffset + i];
    }
  }

  static void softmax(float[] x, int offset, int n, float scale) {
    float shift = max(x, offset, n) * scale;
    FloatVector acc = FloatVector.zero(F);
    int i = 0;
    for (; i <= n - L; i += L) {
      FloatVector e = exp(FloatVector.fromArray(F, x, offset + i).mul(scale).sub(shift));
      e.intoArray(x, offset + i);
      acc = acc.add(e);
    }
    float sum = Simd.sum(acc);
    for (; i < n; i++) {
      float e = exp(x[offset + i] * scale - shift);
      x[offset + i] = e;
      sum += e;
    }
    Elementwise.scale(x, offset, n, 1 / sum);
  }

  static float logSumExp(float[] x, int offset, int n) {
    float shift = max(x, offset, n);
    FloatVector acc = FloatVector.zero(F);
    int i = 0;
    for (; i <= n - L; i += L) {
      acc = acc.add(exp(FloatVector.fromArray(F, x, offset + i).sub(shift)));
    }
    float sum = Simd.sum(acc);
    for (; i < n; i++) {
      sum += exp(x[offset + i] - shift);
    }
    return shift + (float) Math.log(sum);
  }

  private static float max(float[] x, int offset, int n) {
    FloatVector acc = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= n - L; i += L) {
      acc = acc.max(FloatVector.fromArray(F, x, offset + i));
    }
    float max = acc.reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      max = Math.max(max, x[offset + i]);
    }
    return max;
  }
}
