package dev.depths.runtime.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The reference: plain loops that say what each kernel computes. Slow. */
final class ScalarKernels implements Kernels {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Override
  public String describe() {
    return "scalar reference";
  }

  @Override
  public void panelF32(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < Panels.ROWS; c++) {
        float sum = accumulate ? y[yOffset + r * ldy + c] : 0;
        for (int i = 0; i < k; i++) {
          float weight = w.get(FLOAT, wOffset + (long) i * Panels.FLOAT_BYTES + c * 4L);
          sum = Math.fma(weight, x[xOffset + r * ldx + i], sum);
        }
        y[yOffset + r * ldy + c] = sum;
      }
    }
  }

  @Override
  public void panelF16(MemorySegment w, long wOffset, int k, float[] x, int xOffset, int ldx, int rows, float[] y,
      int yOffset, int ldy, boolean accumulate) {
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < Panels.ROWS; c++) {
        float sum = accumulate ? y[yOffset + r * ldy + c] : 0;
        for (int i = 0; i < k; i++) {
          sum = Math.fma(half(w, wOffset, c, i), x[xOffset + r * ldx + i], sum);
        }
        y[yOffset + r * ldy + c] = sum;
      }
    }
  }

  private static float half(MemorySegment w, long wOffset, int c, int column) {
    return Float.float16ToFloat(w.get(SHORT, wOffset + (long) column * Panels.LANE_BYTES + Panels.lane(c) * 2L));
  }

  @Override
  public void panelsGemv(PackedMatrix w, int from, int to, Activations x, int row, int rows, float[] y, int yOffset,
      int ldy) {
    for (int p = from; p < to; p++) {
      for (int r = 0; r < rows; r++) {
        for (int c = 0; c < Panels.ROWS; c++) {
          int at = (row + r) * x.stride;
          y[yOffset + r * ldy + (p - from) * Panels.ROWS + c] =
              w.format().isInteger() ? integerDot(w, p, c, x, at) : floatDot(w, p, c, x, at);
        }
      }
    }
  }

  private static float floatDot(PackedMatrix w, int panel, int c, Activations x, int xOffset) {
    float sum = 0;
    for (int i = 0; i < x.columns; i++) {
      sum = Math.fma(weight(w, panel, c, i), x.f32[xOffset + i], sum);
    }
    return sum;
  }

  private static float integerDot(PackedMatrix w, int panel, int c, Activations x, int xOffset) {
    int block = w.format().block();
    float sum = 0;
    for (int b = 0; b < x.columns; b += block) {
      int dot = 0;
      int xs = 0;
      for (int i = b; i < b + block; i++) {
        dot += code(w, panel, c, i) * x.q[xOffset + i];
        xs += x.q[xOffset + i];
      }
      float scale = x.scales[(xOffset + b) / Panels.BLOCK];
      if (w.format().hasMin()) {
        dot += w.format().bias() * xs;
      }
      sum = Math.fma(dot, scaleOf(w, panel, c, b) * scale, sum);
      if (w.format().hasMin()) {
        sum = Math.fma(minOf(w, panel, c, b), xs * scale, sum);
      }
    }
    return sum;
  }

  @Override
  public void unpack(PackedMatrix w, int panel, int column, int columns, MemorySegment out) {
    for (int i = 0; i < columns; i++) {
      for (int c = 0; c < Panels.ROWS; c++) {
        out.set(FLOAT, (long) i * Panels.FLOAT_BYTES + c * 4L, w.format() == PanelFormat.BF12
            ? bf12Code(w, panel, c, column + i) * Bf12.LIFT : weight(w, panel, c, column + i));
      }
    }
  }

  @Override
  public void unpackF16(MemorySegment w, long wOffset, int columns, MemorySegment out) {
    for (int i = 0; i < columns; i++) {
      for (int c = 0; c < Panels.ROWS; c++) {
        out.set(FLOAT, (long) i * Panels.FLOAT_BYTES + c * 4L, half(w, wOffset, c, i));
      }
    }
  }

  /** The value of one weight. */
  private static float weight(PackedMatrix w, int panel, int c, int column) {
    long base = w.offset(panel);
    return switch (w.format()) {
      case F32 -> w.data().get(FLOAT, base + (long) column * Panels.FLOAT_BYTES + c * 4L);
      case F16 -> half(w.data(), base, c, column);
      case BF12 -> bf12(w, panel, c, column);
      default -> {
        float d = scaleOf(w, panel, c, column);
        int bias = w.format().bias();
        float m = w.format().hasMin() ? minOf(w, panel, c, column) : -bias * d;
        yield Math.fma(code(w, panel, c, column) + bias, d, m);
      }
    };
  }

  private static float bf12(PackedMatrix w, int panel, int c, int column) {
    long outliers = Bf12.outliers(w, panel);
    for (int i = 0; i < w.data().get(INT, outliers); i++) {
      long outlier = outliers + 4 + 8L * i;
      if (w.data().get(INT, outlier) == column * Panels.ROWS + c) {
        return w.data().get(FLOAT, outlier + 4);
      }
    }
    return bf12Code(w, panel, c, column) * w.data().get(FLOAT, Bf12.scales(w, panel) + c * 4L);
  }

  private static float bf12Code(PackedMatrix w, int panel, int c, int column) {
    long first = block(w, panel, column) + Panels.lane(c) * 2L;
    int[] lanes = new int[3];
    for (int i = 0; i < 3; i++) {
      lanes[i] = w.data().get(SHORT, first + (long) i * Panels.LANE_BYTES) & 0xffff;
    }
    int code = column % 4 < 3 ? lanes[column % 4] & 0x87ff
        : (lanes[0] >> 11 & 15) << 7 | (lanes[1] >> 11 & 15) << 3 | (lanes[2] >> 14 & 1) << 15 | lanes[2] >> 11 & 7;
    float sign = code >> 15 == 0 ? 1 : -1;
    int exponent = code >> 7 & 15;
    float magnitude = exponent == 0 ? 0 : Math.scalb(1 + (code & 127) / 128f, exponent - 127);
    return sign * magnitude;
  }

  /** What a panel holds for a weight, less the format's bias. */
  private static int code(PackedMatrix w, int panel, int c, int column) {
    PanelFormat f = w.format();
    int i = column % f.block();
    long block = block(w, panel, column);
    if (f == PanelFormat.I8) {
      long lane = block + (long) (i / 2) * Panels.LANE_BYTES + Panels.lane(c) * 2L;
      return (w.data().get(SHORT, lane) >> 8 * (i % 2) & 255) - f.bias();
    }
    Fields fields = f.fields();
    int code = 0;
    for (int lane = 0; lane < fields.lanes(); lane++) {
      int packed = w.data().get(INT, block + (long) lane * Panels.FLOAT_BYTES + c * 4L);
      for (int field = 0; field < Fields.PER_HALF; field++) {
        for (int side = 0; side < 2; side++) {
          if (fields.column(lane, field, side) == i) {
            int bits = packed >>> Short.SIZE * side + fields.position(field) & (1 << fields.width(field)) - 1;
            code |= bits << fields.codeBit(lane, field);
          }
        }
      }
    }
    return code - f.bias();
  }

  private static float scaleOf(PackedMatrix w, int panel, int c, int column) {
    long scales = block(w, panel, column) + w.format().weightBytes();
    return Float.float16ToFloat(w.data().get(SHORT, scales + Panels.lane(c) * 2L));
  }

  private static float minOf(PackedMatrix w, int panel, int c, int column) {
    long mins = block(w, panel, column) + w.format().weightBytes() + Panels.LANE_BYTES;
    return Float.float16ToFloat(w.data().get(SHORT, mins + Panels.lane(c) * 2L));
  }

  /** Where the block of a column begins. */
  private static long block(PackedMatrix w, int panel, int column) {
    return w.offset(panel) + w.format().panelBytes(column - column % w.format().block());
  }

  @Override
  public void quantize(Activations x, int row, int column, int columns, ActivationRange range) {
    int from = row * x.stride + column;
    for (int o = from; o < from + columns; o += Panels.BLOCK) {
      float scale = Quantize.scale(x.f32, o, range);
      float inverse = scale == 0 ? 0 : 1 / scale;
      x.scales[o / Panels.BLOCK] = scale;
      for (int i = o; i < o + Panels.BLOCK; i += 16) {
        int sum = 0;
        for (int j = i; j < i + 16; j++) {
          x.q[j] = (short) Math.rint(x.f32[j] * inverse);
          sum += x.q[j];
        }
        x.sums[i / 16] = sum;
      }
    }
    x.multipliers(from, from + columns, range.weightBits());
  }

  @Override
  public void siluMultiply(float[] gate, int gateOffset, float[] up, int upOffset, int n) {
    for (int i = 0; i < n; i++) {
      float g = gate[gateOffset + i];
      gate[gateOffset + i] = (float) (g / (1 + Math.exp(-g)) * up[upOffset + i]);
    }
  }

  @Override
  public void softmax(float[] x, int offset, int n, float scale) {
    float shift = max(x, offset, n) * scale;
    double sum = 0;
    for (int i = offset; i < offset + n; i++) {
      x[i] = (float) Math.exp(x[i] * scale - shift);
      sum += x[i];
    }
    for (int i = offset; i < offset + n; i++) {
      x[i] = (float) (x[i] / sum);
    }
  }

  @Override
  public float logSumExp(float[] x, int offset, int n) {
    float shift = max(x, offset, n);
    double sum = 0;
    for (int i = offset; i < offset + n; i++) {
      sum += Math.exp(x[i] - shift);
    }
    return (float) (shift + Math.log(sum));
  }

  static float max(float[] x, int offset, int n) {
    float max = Float.NEGATIVE_INFINITY;
    for (int i = offset; i < offset + n; i++) {
      max = Math.max(max, x[i]);
    }
    return max;
  }

  @Override
  public float dot(float[] a, int aOffset, float[] b, int bOffset, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += (double) a[aOffset + i] * b[bOffset + i];
    }
    return (float) sum;
  }
}
