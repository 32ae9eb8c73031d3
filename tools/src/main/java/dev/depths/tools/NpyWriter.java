package dev.depths.tools;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Writes a matrix of f32, row by row, in NumPy's format, version 1.0 (<a
 * href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">numpy.lib.format</a>). The file appears
 * when it is complete.
 */
final class NpyWriter implements AutoCloseable {
  private static final int ALIGNMENT = 64;
  private static final int PREFIX_BYTES = 10;

  private final Path file;
  private final Path unfinished;
  private final FileChannel channel;
  private final ByteBuffer buffer;

  /**
   * @param rows rows that will be written
   * @param columns floats in each
   */
  NpyWriter(Path file, int rows, int columns) throws IOException {
    this.file = file;
    boolean special = Files.exists(file) && !Files.isRegularFile(file);
    unfinished = special ? file : file.resolveSibling(file.getFileName() + ".part");
    channel = FileChannel.open(unfinished, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
        StandardOpenOption.TRUNCATE_EXISTING);
    buffer = ByteBuffer.allocateDirect(Math.multiplyExact(columns, Float.BYTES)).order(ByteOrder.LITTLE_ENDIAN);
    write(header(rows, columns));
  }

  /** Appends a row. */
  void row(float[] values) {
    buffer.clear();
    buffer.asFloatBuffer().put(values, 0, buffer.capacity() / Float.BYTES);
    write(buffer);
  }

  /** Makes the file appear, all rows being written. */
  void commit() throws IOException {
    channel.close();
    if (!unfinished.equals(file)) {
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
    if (!unfinished.equals(file)) {
      Files.deleteIfExists(unfinished);
    }
  }

  private static ByteBuffer header(int rows, int columns) {
    String text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + rows + ", " + columns + "), }";
    int unpadded = PREFIX_BYTES + text.length() + 1;
    int padding = Math.floorMod(-unpadded, ALIGNMENT);
    byte[] body = (text + " ".repeat(padding) + "\n").getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(PREFIX_BYTES + body.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0})
        .putShort((short) body.length)
        .put(body)
        .flip();
  }

  private void write(ByteBuffer bytes) {
    try {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
