package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.Calibration;
import dev.depths.loader.Calibration.Row;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class DialTest {
  private static final double CLOSE = 1e-12;

  /** Two routed blocks; the divergence is least before the end, as it may be where training aimed at a capacity. */
  static final Calibration CALIBRATION = new Calibration(Rule.THRESHOLD, List.of(
      new Row(0.25, List.of(0.9, 0.8), 0.2, 0.5, 40, 1),
      new Row(0.5, List.of(0.5, 0.4), 0.4, 0.6, 30, 0.5),
      new Row(0.75, List.of(0.2, 0.1), 0.8, 0.8, 22, 0.1),
      new Row(1, List.of(0.0, 0.0), 1, 1.25, 23, 0.2)), 20, 100, "");

  static final Speeds SPEEDS = new Speeds(10, 2, List.of(
      new Speeds.Point(0.2, 6, 1), new Speeds.Point(0.6, 8, 1.5), new Speeds.Point(1, 11, 2.5)));

  private static final Dial DIAL = Dial.of(CALIBRATION);

  @Test
  void calibratedPointsAreAsMeasured() {
    Setting s = DIAL.capacity(0.4);
    assertEquals(new Setting(Rule.THRESHOLD, List.of(0.5, 0.4), 0.4, 0.5, 30, 0.6, 1 / 0.6, OptionalDouble.empty(),
        OptionalDouble.empty(), true), s);
  }

  @Test
  void betweenPointsAllIsInterpolated() {
    Setting s = DIAL.withSpeeds(SPEEDS).capacity(0.7);
    double[] thresholds = s.thresholds().stream().mapToDouble(t -> t).toArray();
    assertArrayEquals(new double[] {0.275, 0.175}, thresholds, CLOSE);
    assertEquals(0.2, s.kl(), CLOSE);
    assertEquals(24, s.perplexity(), CLOSE);
    assertEquals(0.75, s.bytesRead(), CLOSE);
    assertEquals(8.75, s.decodeMillis().orElseThrow(), CLOSE);
    assertEquals(1.75, s.prefillMillis().orElseThrow(), CLOSE);
    assertEquals(10 / 8.75, s.speedup(), CLOSE);
    double[] set = new double[2];
    DIAL.thresholds(0.7, set);
    assertArrayEquals(thresholds, set);
  }

  @Test
  void capacitiesOutOfReachGiveTheNearest() {
    Setting low = DIAL.capacity(0.1);
    assertFalse(low.met());
    assertEquals(0.2, low.capacity());
    assertEquals(List.of(0.9, 0.8), low.thresholds());
    assertTrue(DIAL.capacity(1).met());
    assertThrows(IllegalArgumentException.class, () -> DIAL.capacity(Double.NaN));
  }

  @Test
  void aDivergenceIsMetByTheLowestCapacity() {
    assertEquals(0.6, DIAL.maxKl(0.3).capacity(), CLOSE);
    assertTrue(DIAL.maxKl(0.3).met());
    assertEquals(0.2, DIAL.maxKl(2).capacity());
    Setting best = DIAL.maxKl(0.05);
    assertFalse(best.met());
    assertEquals(0.8, best.capacity());
  }

  @Test
  void aTimeIsMetByTheHighestCapacity() {
    Dial dial = DIAL.withSpeeds(SPEEDS);
    assertEquals(0.4, dial.budget(7).capacity(), CLOSE);
    assertEquals(1, dial.budget(11).capacity());
    assertEquals(0.6, dial.speedup(1.25).capacity(), CLOSE);
    Setting fastest = dial.speedup(3);
    assertFalse(fastest.met());
    assertEquals(0.2, fastest.capacity());
    assertEquals(10 / 6.0, fastest.speedup(), CLOSE);
    assertFalse(dial.budget(1).met());
  }

  @Test
  void withoutSpeedsBytesAreTheTime() {
    assertEquals(0.4, DIAL.speedup(1 / 0.6).capacity(), 1e-9);
    assertThrows(IllegalStateException.class, () -> DIAL.budget(5));
  }

  @Test
  void aLowerBoundHolds() {
    Dial dial = DIAL.withSpeeds(SPEEDS).withLeast(DIAL.maxKl(0.3).capacity());
    assertEquals(0.6, dial.least(), CLOSE);
    Setting s = dial.budget(7);
    assertFalse(s.met());
    assertEquals(0.6, s.capacity(), CLOSE);
    assertEquals(0.2, DIAL.withLeast(-1).least());
  }

  /** Against a search of fine steps. */
  @Test
  void theFirstPlaceIsFoundFromEitherSide() {
    Curve curve = new Curve(new double[] {0, 1, 2, 3, 5}, new double[] {4, 1, 3, 2, 5});
    double[] places = {-1, 0, 0.5, 1, 1.5, 2, 2.75, 3, 4, 5, 6};
    for (double limit : new double[] {0.5, 1, 1.5, 2.5, 3.5, 6}) {
      for (double from : places) {
        for (double to : places) {
          double searched = Double.NaN;
          int steps = 100_000;
          for (int i = 0; i <= steps && Double.isNaN(searched); i++) {
            double at = from + (to - from) * i / steps;
            searched = curve.at(at) <= limit + 1e-4 ? at : searched;
          }
          assertEquals(searched, curve.firstAtMost(limit, from, to), 1e-3, limit + " from " + from + " to " + to);
        }
      }
    }
    assertEquals(1, curve.least(0, 5));
    assertEquals(3, curve.least(5, 1.75));
    assertEquals(2.25, curve.least(2.25, 2));
    assertEquals(7, new Curve(new double[] {0.5}, new double[] {7}).at(2));
  }

  @Test
  void aModelsOwnThresholdHasItsPlace() {
    Dial dial = Dial.of(new Calibration(Rule.THRESHOLD, List.of(new Row(0.25, List.of(0.9, 0.9), 0.2, 0.5, 40, 1),
        new Row(1, List.of(0.1, 0.1), 1, 1, 20, 0)), 20, 100, ""));
    assertEquals(0.6, dial.own(Selection.threshold(0.5)).orElseThrow().capacity(), CLOSE);
    assertTrue(dial.own(Selection.threshold(0.95)).isEmpty());
    assertTrue(dial.own(Selection.threshold(0.05)).isEmpty());
    assertTrue(DIAL.own(Selection.threshold(0.5)).isEmpty());
  }

  /** By the definition of isotonic regression: of all means of neighbours that a point is in, the least of the greatest. */
  @Test
  void disturbedTimesAreMadeToRise() {
    double[] y = {3, 1, 2, 6, 5, 5, 4, 7};
    double[] rising = new Curve(new double[] {0, 1, 2, 3, 4, 5, 6, 7}, y).rising().y();
    for (int i = 0; i < y.length; i++) {
      double greatest = Double.NEGATIVE_INFINITY;
      for (int from = 0; from <= i; from++) {
        double least = Double.POSITIVE_INFINITY;
        for (int to = i; to < y.length; to++) {
          least = Math.min(least, Arrays.stream(y, from, to + 1).average().orElseThrow());
        }
        greatest = Math.max(greatest, least);
      }
      assertEquals(greatest, rising[i], CLOSE);
    }
    Dial dial = DIAL.withSpeeds(new Speeds(10, 2,
        List.of(new Speeds.Point(0.2, 7, 1), new Speeds.Point(0.6, 6, 2), new Speeds.Point(1, 11, 1))));
    assertEquals(6.5, dial.capacity(0.3).decodeMillis().orElseThrow(), CLOSE);
    assertEquals(1.5, dial.capacity(1).prefillMillis().orElseThrow(), CLOSE);
    assertFalse(dial.budget(6.2).met());
  }

  @Test
  void speedsAreChecked() {
    List<Speeds.Point> unordered = Arrays.asList(new Speeds.Point(0.5, 1, 1), new Speeds.Point(0.5, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> new Speeds(1, 1, unordered));
    assertThrows(IllegalArgumentException.class, () -> new Speeds(0, 1, SPEEDS.points()));
    assertThrows(IllegalArgumentException.class, () -> new Speeds(1, 1, List.of()));
    assertThrows(IllegalArgumentException.class, () -> new Speeds.Point(1.5, 1, 1));
  }
}
