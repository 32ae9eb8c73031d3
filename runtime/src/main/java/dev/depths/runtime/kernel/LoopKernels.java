package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;

/**
 * Plain loops to the same bits as {@link VectorKernels}, for a first pass before C2 has compiled those: loops are compiled
 * within some ten milliseconds and bearable before, where vector code takes seconds to compile and is hopeless until then.
 * Sums are taken by the lanes of a vector, as wide as the vectors in use.
 */
final class LoopKernels implements Kernels {
  private static final int L = Simd.LANES;

  @Override
  public String describe() {
    return "plain loops";
  }

  @Override
  public void panelF32(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    LoopPanels.ofThread().panelF32(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public void panelF16(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    LoopPanels.ofThread().panelF16(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public void unpackF16(MemorySegment w, long wOffset, int columns, MemorySegment out) {
    LoopPanels.ofThread().unpackF16(w, wOffset, columns, out);
  }

  @Override
  public void panelsGemv(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset,
      int ldy) {
    for (int p = from; p < to; p++) {
      int at = yOffset + (p - from) * Panels.ROWS;
      if (w.format() == PanelFormat.F32) {
        panelF32(w.data(), w.offset(p), x.columns, x.f32, row * x.stride, x.stride, rows, y, at, ldy, false);
      } else {
        LoopPanels.ofThread().panelGemv(w, p, x, row, rows, y, at, ldy);
      }
    }
  }

  @Override
  public void unpack(PackedMatrix w, int panel, int column, int columns, MemorySegment out) {
    LoopPanels.ofThread().unpack(w, panel, column, columns, out);
  }

  @Override
  public void quantize(Activations x, int row, int column, int columns, ActivationRange range) {
    int from = row * x.stride + column;
    for (int o = from; o < from + columns; o += Panels.BLOCK) {
      float scale = Quantize.scale(x.f32, o, range);
      float inverse = scale == 0 ? 0 : 1 / scale;
      x.scales[o / Panels.BLOCK] = scale;
      for (int h = o; h < o + Panels.BLOCK; h += 16) {
        int sum = 0;
        for (int i = h; i < h + 16; i++) {
          short q = (short) (Float.floatToRawIntBits(x.f32[i] * inverse + Quantize.ROUND) - Quantize.ROUND_BITS);
          x.q[i] = q;
          sum += q;
        }
        x.sums[h / 16] = sum;
      }
    }
    x.multipliers(from, from + columns, range.weightBits());
  }

  @Override
  public void siluMultiply(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
    for (int i = 0; i < n; i++) {
      float g = gate[gateOffset + i];
      gate[gateOffset + i] = g / (Exponential.exp(-g) + 1f) * up[upOffset + i];
    }
  }

  @Override
  public void softmax(float[] x, int offset, int n, float scale) {
    float shift = ScalarKernels.max(x, offset, n) * scale;
    float[] lanes = LoopPanels.ofThread().lanes(L);
    int i = 0;
    for (; i <= n - L; i += L) {
      for (int j = 0; j < L; j++) {
        float e = Exponential.exp(x[offset + i + j] * scale - shift);
        x[offset + i + j] = e;
        lanes[j] += e;
      }
    }
    float sum = sum(lanes, L);
    for (; i < n; i++) {
      float e = Exponential.exp(x[offset + i] * scale - shift);
      x[offset + i] = e;
      sum += e;
    }
    scale(x, offset, n, 1 / sum);
  }

  @Override
  public float logSumExp(float[] x, int offset, int n) {
    float shift = ScalarKernels.max(x, offset, n);
    float[] lanes = LoopPanels.ofThread().lanes(L);
    int i = 0;
    for (; i <= n - L; i += L) {
      for (int j = 0; j < L; j++) {
        lanes[j] += Exponential.exp(x[offset + i + j] - shift);
      }
    }
    float sum = sum(lanes, L);
    for (; i < n; i++) {
      sum += Exponential.exp(x[offset + i] - shift);
    }
    return shift + (float) Math.log(sum);
  }

  @Override
  public float dot(float[] a, int aOffset, float[] b, int bOffset, int n) {
    float[] lanes = LoopPanels.ofThread().lanes(2 * L);
    int i = 0;
    for (; i <= n - 2 * L; i += 2 * L) {
      for (int j = 0; j < 2 * L; j++) {
        lanes[j] = Math.fma(a[aOffset + i + j], b[bOffset + i + j], lanes[j]);
      }
    }
    float sum = sum(lanes, 2 * L);
    for (; i < n; i++) {
      sum = Math.fma(a[aOffset + i], b[bOffset + i], sum);
    }
    return sum;
  }

  /** Sum of so many lanes, folded in halves as {@link Simd#sum} does it. */
  private static float sum(float[] lanes, int n) {
    for (int half = n / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }
}
