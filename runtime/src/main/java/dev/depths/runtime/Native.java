package dev.depths.runtime;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Layouts of off-heap memory. */
final class Native {
  /** Little-endian, as the kernels read. */
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Native() {}
}
