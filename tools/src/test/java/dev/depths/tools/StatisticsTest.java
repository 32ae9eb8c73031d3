package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class StatisticsTest {
  @Test
  void deviationIsTheSamples() {
    double[] values = {2, 4, 4, 4, 5, 5, 7, 9};
    assertEquals(5, Statistics.mean(values));
    assertEquals(Math.sqrt(32 / 7.0), Statistics.deviation(values), 1e-15);
    assertEquals(Math.sqrt(32 / 7.0 / 8), Statistics.standardError(values), 1e-15);
  }

  @Test
  void aSingleValueDoesNotDeviate() {
    assertEquals(0, Statistics.deviation(new double[] {3}));
    assertEquals(0, Statistics.standardError(new double[] {3}));
    assertEquals(3, Statistics.quantile(new double[] {3}, 0.99));
  }

  @Test
  void quantilesLieBetweenTheSortedValues() {
    double[] values = {40, 10, 30, 20};
    assertEquals(10, Statistics.quantile(values, 0));
    assertEquals(25, Statistics.quantile(values, 0.5));
    assertEquals(39.7, Statistics.quantile(values, 0.99), 1e-12);
    assertEquals(40, Statistics.quantile(values, 1));
    assertEquals(20, Statistics.quantile(new double[] {30, 10, 20}, 0.5));
    assertArrayEquals(new double[] {40, 10, 30, 20}, values);
  }
}
