package dev.depths.tools;

import java.util.ArrayList;
import java.util.List;

/**
 * Tokens {@code from} to {@code to} of a text, which stand beside each other in a map that is too wide for one row of them.
 */
record Band(int from, int to) {
  /** As many tokens in each as have room, one at least. */
  static List<Band> of(int[] widths, int room) {
    List<Band> bands = new ArrayList<>();
    int from = 0;
    int width = 0;
    for (int i = 0; i < widths.length; i++) {
      if (i > from && width + widths[i] > room) {
        bands.add(new Band(from, i));
        from = i;
        width = 0;
      }
      width += widths[i];
    }
    bands.add(new Band(from, widths.length));
    return bands;
  }
}
