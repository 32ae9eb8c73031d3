package dev.depths.tools;

import org.jline.utils.Signals;

/** While open, the first Ctrl-C asks for a clean stop; the next one ends the process at once. */
final class Interruption implements AutoCloseable {
  /** 128 + SIGINT, as shells report it. */
  static final int EXIT_STATUS = 130;

  private static final String SIGNAL = "INT";

  private final Object previous;
  private volatile boolean requested;

  /**
   * @param stop asks what is running to end soon; called on a thread of its own
   */
  Interruption(Runnable stop) {
    previous = Signals.register(SIGNAL, () -> {
      if (requested) {
        Runtime.getRuntime().halt(EXIT_STATUS);
      }
      requested = true;
      stop.run();
    });
  }

  /** Whether Ctrl-C was pressed. */
  boolean requested() {
    return requested;
  }

  @Override
  public void close() {
    Signals.unregister(SIGNAL, previous);
  }
}
