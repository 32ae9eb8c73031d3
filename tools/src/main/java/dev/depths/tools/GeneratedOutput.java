package dev.depths.tools;

import dev.depths.runtime.GeneratedToken;
import dev.depths.runtime.Generation;
import dev.depths.runtime.Session;
import dev.depths.runtime.TokenListener;

/** Prints a generation to standard output as it comes; ends it when nobody reads any more. */
class GeneratedOutput implements TokenListener {
  private final Streams streams;
  private final Session session;
  private int printed;
  private OutputException failure;

  GeneratedOutput(Streams streams, Session session) {
    this.streams = streams;
    this.session = session;
  }

  @Override
  public final void onToken(GeneratedToken token) {
    if (failure == null && !token.text().isEmpty()) {
      try {
        streams.print(shown(token));
        printed += token.text().length();
      } catch (OutputException e) {
        failure = e;
        session.cancel();
      }
    }
  }

  /** What is printed of a token that has a text. */
  String shown(GeneratedToken token) {
    return token.text();
  }

  /**
   * Prints what was held back as a possible stop text, and ends the line.
   *
   * @throws OutputException if anything could not be printed
   */
  final void finish(Generation generation) {
    if (failure != null) {
      throw failure;
    }
    streams.print(generation.text().substring(printed) + "\n");
  }
}
