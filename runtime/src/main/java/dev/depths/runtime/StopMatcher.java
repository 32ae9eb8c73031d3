package dev.depths.runtime;

import java.util.List;

/** Finds stop texts in streamed text, across the borders of its pieces, holding back what may be the beginning of one. */
final class StopMatcher {
  private final List<String> stops;
  private final StringBuilder held = new StringBuilder();
  private boolean stopped;

  StopMatcher(List<String> stops) {
    this.stops = stops;
  }

  /** Whether a stop text has appeared. */
  boolean stopped() {
    return stopped;
  }

  /** Takes a piece of text; returns what is certain not to belong to a stop text. */
  String push(String text) {
    if (stops.isEmpty()) {
      return text;
    }
    held.append(text);
    int begin = 0;
    int end = Integer.MAX_VALUE;
    for (String stop : stops) {
      int at = held.indexOf(stop);
      // The first to be complete, and of those the longest: whichever way the text is cut into pieces.
      if (at >= 0 && (at + stop.length() < end || at + stop.length() == end && at < begin)) {
        begin = at;
        end = at + stop.length();
        stopped = true;
      }
    }
    if (stopped) {
      String certain = held.substring(0, begin);
      held.setLength(0);
      return certain;
    }
    int keep = 0;
    for (String stop : stops) {
      keep = Math.max(keep, overlap(stop));
    }
    String certain = held.substring(0, held.length() - keep);
    held.delete(0, held.length() - keep);
    return certain;
  }

  /** What is held back, at the end of the stream. */
  String flush() {
    String rest = held.toString();
    held.setLength(0);
    return rest;
  }

  /** Length of the longest end of what is held that a stop text begins with. */
  private int overlap(String stop) {
    for (int n = Math.min(stop.length() - 1, held.length()); n > 0; n--) {
      if (stop.startsWith(held.substring(held.length() - n))) {
        return n;
      }
    }
    return 0;
  }
}
