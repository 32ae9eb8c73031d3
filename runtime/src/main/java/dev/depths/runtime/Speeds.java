package dev.depths.runtime;

import java.util.List;

/**
 * How fast a model runs on a machine, by the share of its routed parts that is computed; as it was measured there.
 *
 * @param denseDecodeMillis time of a decoded token of the dense model, in milliseconds
 * @param densePrefillMillis time of a prompt's token of the dense model, in milliseconds
 * @param points from the least computed to the most
 */
public record Speeds(double denseDecodeMillis, double densePrefillMillis, List<Point> points) {
  /** @throws IllegalArgumentException if a time is not above 0, there are no points, or their capacities do not ascend */
  public Speeds {
    points = List.copyOf(points);
    if (!isTime(denseDecodeMillis) || !isTime(densePrefillMillis) || points.isEmpty()) {
      throw new IllegalArgumentException("speeds have points and times above 0, not " + points.size() + " points and dense "
          + denseDecodeMillis + " and " + densePrefillMillis + " ms");
    }
    for (int i = 1; i < points.size(); i++) {
      if (points.get(i).capacity <= points.get(i - 1).capacity) {
        throw new IllegalArgumentException("capacities do not ascend: " + points);
      }
    }
  }

  /**
   * A measurement.
   *
   * @param capacity the share of (token, routed part) pairs that was computed, in [0, 1]
   * @param decodeMillis time of a decoded token, in milliseconds
   * @param prefillMillis time of a prompt's token, in milliseconds
   */
  public record Point(double capacity, double decodeMillis, double prefillMillis) {
    /** @throws IllegalArgumentException if the capacity is not in [0, 1], or a time not above 0 */
    public Point {
      if (!(capacity >= 0 && capacity <= 1) || !isTime(decodeMillis) || !isTime(prefillMillis)) {
        throw new IllegalArgumentException("capacity " + capacity + " must be in [0, 1], times " + decodeMillis + " and "
            + prefillMillis + " ms above 0");
      }
    }
  }

  private static boolean isTime(double millis) {
    return millis > 0 && millis < Double.POSITIVE_INFINITY;
  }
}
