package dev.depths.runtime.kernel;

import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One row of a quantised tensor taken apart: the codes of a {@link PanelFormat}, and per block of its columns a scale
 * and a minimum. Layouts as in GGML's {@code block_*} structures.
 */
final class QuantizedRow {
  private final DType type;
  private final MemorySegment data;
  private final byte[] bytes;
  final byte[] codes;
  final float[] scales;
  final float[] mins;

  QuantizedRow(Tensor tensor, PanelFormat format) {
    this.type = tensor.type();
    this.data = tensor.data();
    int columns = tensor.columns();
    this.bytes = new byte[Math.toIntExact(type.bytes(columns))];
    this.codes = new byte[columns];
    this.scales = new float[columns / format.block()];
    this.mins = new float[columns / format.block()];
  }

  void read(long row) {
    // All at once: to read a segment byte by byte takes some times longer, the more so before it is compiled.
    MemorySegment.copy(data, ValueLayout.JAVA_BYTE, row * bytes.length, bytes, 0, bytes.length);
    for (int b = 0; b < codes.length / type.blockSize(); b++) {
      int o = b * type.blockBytes();
      switch (type) {
        case Q4_0, Q5_0 -> nibbles(o, b, false);
        case Q4_1, Q5_1 -> nibbles(o, b, true);
        case Q8_0 -> q8(o, b);
        case Q2_K -> q2k(o, b);
        case Q3_K -> q3k(o, b);
        case Q4_K -> q45k(o, b, false);
        case Q5_K -> q45k(o, b, true);
        case Q6_K -> q6k(o, b);
        default -> throw new IllegalArgumentException(type + " is not quantised");
      }
    }
  }

  /** Q4_0, Q4_1, Q5_0, Q5_1. */
  private void nibbles(int o, int b, boolean min) {
    boolean fifth = type == DType.Q5_0 || type == DType.Q5_1;
    scales[b] = half(o);
    mins[b] = min ? half(o + 2) : 0;
    int at = o + (min ? 4 : 2);
    int high = fifth ? shortAt(at) & 0xffff | shortAt(at + 2) << 16 : 0;
    at += fifth ? 4 : 0;
    for (int i = 0; i < 16; i++) {
      int q = byteAt(at + i);
      codes[32 * b + i] = (byte) (q & 15 | (high >>> i & 1) << 4);
      codes[32 * b + i + 16] = (byte) (q >> 4 | (high >>> i + 16 & 1) << 4);
    }
  }

  private void q8(int o, int b) {
    scales[b] = half(o);
    System.arraycopy(bytes, o + 2, codes, 32 * b, 32);
  }

  private void q2k(int o, int b) {
    float d = half(o + 80);
    float dmin = half(o + 82);
    for (int s = 0; s < 16; s++) {
      int sm = byteAt(o + s);
      scales[16 * b + s] = d * (sm & 15);
      mins[16 * b + s] = -(dmin * (sm >> 4));
      // Sub-blocks go through the two halves of qs, four shifts each, two groups of 16 bytes per shift.
      int qs = o + 16 + 32 * (s / 8) + 16 * (s % 2);
      int shift = 2 * (s % 8 / 2);
      for (int i = 0; i < 16; i++) {
        codes[256 * b + 16 * s + i] = (byte) (byteAt(qs + i) >> shift & 3);
      }
    }
  }

  private void q3k(int o, int b) {
    float d = half(o + 108);
    for (int s = 0; s < 16; s++) {
      int low = byteAt(o + 96 + s % 8) >> (s < 8 ? 0 : 4) & 15;
      int high = byteAt(o + 104 + s % 4) >> 2 * (s / 4) & 3;
      scales[16 * b + s] = d * ((low | high << 4) - 32);
      int qs = o + 32 + 32 * (s / 8) + 16 * (s % 2);
      int mask = o + 16 * (s % 2);
      int shift = 2 * (s % 8 / 2);
      for (int i = 0; i < 16; i++) {
        int third = byteAt(mask + i) >> s / 2 & 1;
        // -4..3, of which nibbles with their bias of 8 make 4..11.
        codes[256 * b + 16 * s + i] = (byte) ((byteAt(qs + i) >> shift & 3 | third << 2) + 4);
      }
    }
  }

  private void q45k(int o, int b, boolean fifth) {
    float d = half(o);
    float dmin = half(o + 2);
    int packed = o + 4;
    int qh = o + 16;
    int qs = qh + (fifth ? 32 : 0);
    for (int s = 0; s < 8; s++) {
      int scale;
      int min;
      if (s < 4) {
        scale = byteAt(packed + s) & 63;
        min = byteAt(packed + s + 4) & 63;
      } else {
        scale = byteAt(packed + s + 4) & 15 | byteAt(packed + s - 4) >> 6 << 4;
        min = byteAt(packed + s + 4) >> 4 | byteAt(packed + s) >> 6 << 4;
      }
      scales[8 * b + s] = d * scale;
      mins[8 * b + s] = -(dmin * min);
      for (int i = 0; i < 32; i++) {
        int q = byteAt(qs + 32 * (s / 2) + i) >> 4 * (s % 2) & 15;
        int high = fifth ? (byteAt(qh + i) >> s & 1) << 4 : 0;
        codes[256 * b + 32 * s + i] = (byte) (q | high);
      }
    }
  }

  private void q6k(int o, int b) {
    float d = half(o + 208);
    for (int s = 0; s < 16; s++) {
      scales[16 * b + s] = d * bytes[o + 192 + s];
      // Each half of the block is four quarters of 32: low nibbles of 64 bytes, then high ones, two high bits each in qh.
      int quarter = s % 8 / 2;
      int ql = o + 64 * (s / 8) + 32 * (quarter % 2) + 16 * (s % 2);
      int qh = o + 128 + 32 * (s / 8) + 16 * (s % 2);
      for (int i = 0; i < 16; i++) {
        int low = byteAt(ql + i) >> (quarter < 2 ? 0 : 4) & 15;
        int high = byteAt(qh + i) >> 2 * quarter & 3;
        codes[256 * b + 16 * s + i] = (byte) (low | high << 4);
      }
    }
  }

  private float half(int offset) {
    return Float.float16ToFloat(shortAt(offset));
  }

  private short shortAt(int offset) {
    return (short) (bytes[offset] & 0xff | bytes[offset + 1] << 8);
  }

  private int byteAt(int offset) {
    return Byte.toUnsignedInt(bytes[offset]);
  }
}
