package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;

/** Kernels that are exchanged between passes for others which compute the same bits. */
final class StagedKernels implements Kernels {
  private Kernels stage;

  StagedKernels(Kernels stage) {
    this.stage = stage;
  }

  /** Takes effect for other threads when they are handed work. */
  void use(Kernels stage) {
    this.stage = stage;
  }

  @Override
  public String describe() {
    return stage.describe();
  }

  @Override
  public void panelF32(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    stage.panelF32(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public void panelF16(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    stage.panelF16(w, wOffset, k, x, xOffset, ldx, rows, y, yOffset, ldy, accumulate);
  }

  @Override
  public void unpackF16(MemorySegment w, long wOffset, int columns, MemorySegment out) {
    stage.unpackF16(w, wOffset, columns, out);
  }

  @Override
  public void panelGemv(PackedMatrix w, int panel, Activations x, int row, int rows, float[] y, int yOffset, int ldy) {
    stage.panelGemv(w, panel, x, row, rows, y, yOffset, ldy);
  }

  @Override
  public void panelGemm(PackedMatrix w, int panel, Activations x, int rows, MemorySegment scratch, float[] y, int yOffset,
      int ldy) {
    stage.panelGemm(w, panel, x, rows, scratch, y, yOffset, ldy);
  }

  @Override
  public void unpack(PackedMatrix w, int panel, int column, int columns, MemorySegment out) {
    stage.unpack(w, panel, column, columns, out);
  }

  @Override
  public void quantize(Activations x, int row, int column, int columns, ActivationRange range) {
    stage.quantize(x, row, column, columns, range);
  }

  @Override
  public void rmsNorm(float[] x, int xOffset, int n, float[] weight, float epsilon, float[] out, int outOffset) {
    stage.rmsNorm(x, xOffset, n, weight, epsilon, out, outOffset);
  }

  @Override
  public void siluMultiply(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
    stage.siluMultiply(gate, gateOffset, up, upOffset, n);
  }

  @Override
  public void softmax(float[] x, int offset, int n, float scale) {
    stage.softmax(x, offset, n, scale);
  }

  @Override
  public float logSumExp(float[] x, int offset, int n) {
    return stage.logSumExp(x, offset, n);
  }

  @Override
  public void rotate(float[] x, int offset, float[] cos, float[] sin, int tableOffset, int pairs) {
    stage.rotate(x, offset, cos, sin, tableOffset, pairs);
  }

  @Override
  public float dot(float[] a, int aOffset, float[] b, int bOffset, int n) {
    return stage.dot(a, aOffset, b, bOffset, n);
  }

  @Override
  public void add(float[] y, int yOffset, float[] x, int xOffset, int n) {
    stage.add(y, yOffset, x, xOffset, n);
  }

  @Override
  public void scale(float[] x, int offset, int n, float factor) {
    stage.scale(x, offset, n, factor);
  }
}
