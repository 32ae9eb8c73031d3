package dev.depths.tools;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/**
 * Standard error. The launcher filters what the JVM itself writes there, and hands the real standard error over as
 * another descriptor, whose number is in the property {@code depths.err.descriptor}.
 */
final class StandardError {
  private StandardError() {}

  /** The real standard error, which becomes {@link System#err} too. */
  static PrintStream open() {
    Integer number = Integer.getInteger("depths.err.descriptor");
    FileDescriptor descriptor = number == null ? FileDescriptor.err : descriptor(number);
    PrintStream stream = new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
    System.setErr(stream);
    return stream;
  }

  /** Opening {@code /dev/fd/N} instead would give a file position of its own, and overwrite what others append. */
  private static FileDescriptor descriptor(int number) {
    try {
      var constructor = FileDescriptor.class.getDeclaredConstructor(int.class);
      constructor.setAccessible(true);
      return constructor.newInstance(number);
    } catch (ReflectiveOperationException | RuntimeException e) {
      return FileDescriptor.err;
    }
  }
}
