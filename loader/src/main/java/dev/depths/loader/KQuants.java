package dev.depths.loader;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Dequantisation of the super-blocks of 256 elements ("K-quants"), one block a call. */
final class KQuants {
  private KQuants() {}

  /** 16 scale bytes (low nibble scale, high nibble minimum), 64 bytes of 2-bit numbers, d, dmin. */
  static void q2(MemorySegment data, long in, float[] out, int to) {
    float d = Dequantizer.half(data, in + 80);
    float dmin = Dequantizer.half(data, in + 82);
    for (int group = 0; group < 16; group++) {
      int scale = u8(data, in + group);
      float dl = d * (scale & 15);
      float ml = dmin * (scale >> 4);
      long q = in + 16 + twoBitRow(group);
      int shift = twoBitShift(group);
      for (int i = 0; i < 16; i++) {
        out[to + 16 * group + i] = dl * (u8(data, q + i) >> shift & 3) - ml;
      }
    }
  }

  /** 32 bytes of third bits, 64 bytes of 2-bit numbers, 12 bytes of 6-bit scales, d. */
  static void q3(MemorySegment data, long in, float[] out, int to) {
    float d = Dequantizer.half(data, in + 108);
    for (int group = 0; group < 16; group++) {
      float dl = d * (q3Scale(data, in + 96, group) - 32);
      long q = in + 32 + twoBitRow(group);
      int shift = twoBitShift(group);
      long high = in + 16 * (group & 1);
      int bit = group >> 1;
      for (int i = 0; i < 16; i++) {
        // A third bit that is set means no offset.
        int offset = (u8(data, high + i) >> bit & 1) == 1 ? 0 : 4;
        out[to + 16 * group + i] = dl * ((u8(data, q + i) >> shift & 3) - offset);
      }
    }
  }

  /** d, dmin, 12 bytes of 6-bit scales and minima, 128 bytes of nibbles. */
  static void q4(MemorySegment data, long in, float[] out, int to) {
    float d = Dequantizer.half(data, in);
    float dmin = Dequantizer.half(data, in + 2);
    for (int group = 0; group < 8; group++) {
      float dl = d * scale(data, in + 4, group);
      float ml = dmin * minimum(data, in + 4, group);
      long q = in + 16 + 32 * (group >> 1);
      int shift = 4 * (group & 1);
      for (int i = 0; i < 32; i++) {
        out[to + 32 * group + i] = dl * (u8(data, q + i) >> shift & 15) - ml;
      }
    }
  }

  /** As {@link #q4}, with 32 bytes of fifth bits before the nibbles. */
  static void q5(MemorySegment data, long in, float[] out, int to) {
    float d = Dequantizer.half(data, in);
    float dmin = Dequantizer.half(data, in + 2);
    for (int group = 0; group < 8; group++) {
      float dl = d * scale(data, in + 4, group);
      float ml = dmin * minimum(data, in + 4, group);
      long q = in + 48 + 32 * (group >> 1);
      int shift = 4 * (group & 1);
      for (int i = 0; i < 32; i++) {
        int high = u8(data, in + 16 + i) >> group & 1;
        out[to + 32 * group + i] = dl * (u8(data, q + i) >> shift & 15 | high << 4) - ml;
      }
    }
  }

  /** 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, d. */
  static void q6(MemorySegment data, long in, float[] out, int to) {
    float d = Dequantizer.half(data, in + 208);
    for (int group = 0; group < 16; group++) {
      float dl = d * data.get(ValueLayout.JAVA_BYTE, in + 192 + group);
      int row = group >> 1;
      int half = 16 * (group & 1);
      // Each 128 elements: 64 bytes whose low nibbles are the first two rows of 32, whose high nibbles the other two.
      long low = in + 64 * (row >> 2) + 32 * (row & 1) + half;
      int lowShift = 4 * (row >> 1 & 1);
      long high = in + 128 + 32 * (row >> 2) + half;
      int highShift = 2 * (row & 3);
      for (int i = 0; i < 16; i++) {
        int q = u8(data, low + i) >> lowShift & 15 | (u8(data, high + i) >> highShift & 3) << 4;
        out[to + 16 * group + i] = dl * (q - 32);
      }
    }
  }

  /** Byte of the first 2-bit number of a group of 16: each 32 bytes hold 128 elements, 4 rows of 32. */
  private static int twoBitRow(int group) {
    return 32 * (group >> 3) + 16 * (group & 1);
  }

  private static int twoBitShift(int group) {
    return 2 * (group >> 1 & 3);
  }

  /** 6-bit scale of Q3_K: low nibbles in bytes 0..7, high bit pairs in bytes 8..11. */
  private static int q3Scale(MemorySegment data, long in, int group) {
    int low = u8(data, in + (group & 7)) >> 4 * (group >> 3) & 15;
    int high = u8(data, in + 8 + (group & 3)) >> 2 * (group >> 2) & 3;
    return low | high << 4;
  }

  /** 6-bit scale of Q4_K and Q5_K: the last four take their top bits from the first four's bytes. */
  private static int scale(MemorySegment data, long in, int group) {
    return group < 4
        ? u8(data, in + group) & 63
        : u8(data, in + 4 + group) & 15 | u8(data, in + group - 4) >> 2 & 0x30;
  }

  /** 6-bit minimum of Q4_K and Q5_K, packed as {@link #scale}. */
  private static int minimum(MemorySegment data, long in, int group) {
    return group < 4
        ? u8(data, in + 4 + group) & 63
        : u8(data, in + 4 + group) >> 4 | u8(data, in + group) >> 2 & 0x30;
  }

  private static int u8(MemorySegment data, long offset) {
    return data.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
  }
}
