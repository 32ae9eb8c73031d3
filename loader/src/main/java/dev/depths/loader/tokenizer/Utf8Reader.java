package dev.depths.loader.tokenizer;

import java.nio.charset.StandardCharsets;

/** Decodes strings of a file, a batch of them at a time; bytes that are no UTF-8 become U+FFFD. */
final class Utf8Reader implements Strings {
  private static final int BATCH_BYTES = 1 << 16;

  private final Utf8Strings source;
  private byte[] bytes = new byte[BATCH_BYTES];
  /** The strings whose bytes are there: from {@code first} to before {@code last}. */
  private int first;
  private int last;

  Utf8Reader(Utf8Strings source) {
    this.source = source;
  }

  @Override
  public int size() {
    return source.size();
  }

  @Override
  public int maxLength(int index) {
    return source.end(index) - source.start(index);
  }

  @Override
  public int read(int index, char[] to, int at) {
    if (index < first || index >= last) {
      fill(index);
    }
    int base = source.start(first);
    return decode(bytes, source.start(index) - base, source.end(index) - base, to, at);
  }

  private void fill(int index) {
    int start = source.start(index);
    int end = index + 1;
    while (end < source.size() && source.end(end) - start <= BATCH_BYTES) {
      end++;
    }
    int length = source.end(end - 1) - start;
    if (bytes.length < length) {
      bytes = new byte[length];
    }
    source.copy(start, start + length, bytes);
    first = index;
    last = end;
  }

  private static int decode(byte[] in, int from, int end, char[] out, int at) {
    int o = at;
    for (int i = from; i < end; ) {
      int b = in[i];
      if (b >= 0) {
        out[o++] = (char) b;
        i++;
      } else if (b >= (byte) 0xC2 && b < (byte) 0xE0 && i + 1 < end && continues(in[i + 1])) {
        out[o++] = (char) ((b & 0x1F) << 6 | in[i + 1] & 0x3F);
        i += 2;
      } else {
        // Rarer, or malformed: the JDK knows all of it.
        String s = new String(in, from, end - from, StandardCharsets.UTF_8);
        s.getChars(0, s.length(), out, at);
        return at + s.length();
      }
    }
    return o;
  }

  private static boolean continues(byte b) {
    return (b & 0xC0) == 0x80;
  }
}
