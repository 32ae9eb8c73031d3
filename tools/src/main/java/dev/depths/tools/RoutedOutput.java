package dev.depths.tools;

import dev.depths.runtime.GeneratedToken;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import java.util.List;

/** Prints a generation in the colours of the depth that each token took. */
final class RoutedOutput extends GeneratedOutput {
  private final List<Integer> routed;

  private RoutedOutput(Streams streams, Session session, List<Integer> routed) {
    super(streams, session);
    this.routed = routed;
  }

  /**
   * A coloured output, whose colours it explains; a plain one where no colours are wanted.
   *
   * @throws CommandException if no block is routed
   */
  static GeneratedOutput of(Streams streams, Model opened, Session session) {
    List<Integer> routed = ModelArgs.routed(opened).blocks();
    if (!DepthColors.wanted(streams)) {
      return new GeneratedOutput(streams, session);
    }
    if (streams.errTerminal()) {
      streams.err().println(DepthColors.legend());
    }
    return new RoutedOutput(streams, session, routed);
  }

  @Override
  String shown(GeneratedToken token) {
    long run = routed.stream().filter(token.blocksRun()::get).count();
    return DepthColors.paint(VisibleText.running(token.text()), (double) run / routed.size());
  }
}
