package dev.depths.tools;

import picocli.CommandLine.Help.Ansi.Style;

/**
 * Colours of a terminal for the share of the routed blocks that ran a token: the more, the deeper the blue behind it. Text
 * and background are both set, so that it can be read on light and dark terminals.
 */
final class DepthColors {
  private static final String BLACK = "16";
  private static final String WHITE = "231";
  /** Of the palette of 256 colours: for less than a fifth, less than two fifths, ..., less than all, and all. */
  private static final String[] BACKGROUND = {"254", "195", "153", "111", "69", "19"};
  private static final int FIFTHS = 5;

  private DepthColors() {}

  /** Whether standard output shows colours: <a href="https://no-color.org">NO_COLOR</a> turns them off. */
  static boolean wanted(Streams streams) {
    String off = System.getenv("NO_COLOR");
    return streams.outTerminal() && (off == null || off.isEmpty());
  }

  /** A text in the colours of a share; its lines apart, since a terminal fills the rest of a coloured line. */
  static String paint(String text, double share) {
    int step = (int) (FIFTHS * share);
    String on = Style.bg(BACKGROUND[step]).on() + Style.fg(step == FIFTHS ? WHITE : BLACK).on();
    String off = Style.reset.on();
    return on + text.replace("\n", off + "\n" + on) + off;
  }

  /** A line that explains the colours. */
  static String legend() {
    StringBuilder legend = new StringBuilder("share of the routed blocks that ran a token: ");
    for (int step = 0; step < FIFTHS; step++) {
      legend.append(paint(" " + 100 * step / FIFTHS + " ", (double) step / FIFTHS));
    }
    return legend + paint(" 100 % ", 1);
  }
}
