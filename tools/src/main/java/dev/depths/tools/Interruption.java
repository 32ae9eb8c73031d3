package dev.depths.tools;

import sun.misc.Signal;
import sun.misc.SignalHandler;

/** While open, the first Ctrl-C asks for a clean stop; the next one ends the process at once. */
final class Interruption implements AutoCloseable, SignalHandler {
  /** 128 + SIGINT, as shells report it. */
  static final int EXIT_STATUS = 130;

  private static final Signal SIGNAL = new Signal("INT");

  private final Runnable stop;
  private final SignalHandler previous;
  private volatile boolean requested;

  /**
   * @param stop asks what is running to end soon; called on a thread of its own
   */
  Interruption(Runnable stop) {
    this.stop = stop;
    previous = Signal.handle(SIGNAL, this);
  }

  @Override
  public void handle(Signal signal) {
    if (requested) {
      Runtime.getRuntime().halt(EXIT_STATUS);
    }
    requested = true;
    stop.run();
  }

  /** Whether Ctrl-C was pressed. */
  boolean requested() {
    return requested;
  }

  @Override
  public void close() {
    Signal.handle(SIGNAL, previous);
  }
}
