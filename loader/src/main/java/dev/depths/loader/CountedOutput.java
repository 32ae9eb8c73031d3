package dev.depths.loader;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.function.LongConsumer;

/** A stream that knows how many bytes went through it, and tells after each piece. */
final class CountedOutput extends FilterOutputStream {
  private final LongConsumer listener;
  private long count;

  /** @param listener receives the number of bytes so far */
  CountedOutput(OutputStream out, LongConsumer listener) {
    super(out);
    this.listener = listener;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    out.write(bytes, offset, length);
    count += length;
    listener.accept(count);
  }

  /** Bytes written so far. */
  long count() {
    return count;
  }
}
