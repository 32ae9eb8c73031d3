package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DistributionTest {
  private static Distribution of(float... logits) {
    return new Distribution(logits.length).set(logits);
  }

  private static float log(double probability) {
    return (float) Math.log(probability);
  }

  @Test
  void lossIsMinusTheLogarithmOfTheProbability() {
    Distribution d = of(log(0.5) + 7, log(0.3) + 7, log(0.2) + 7);
    assertEquals(-Math.log(0.5), d.loss(0), 1e-6);
    assertEquals(-Math.log(0.3), d.loss(1), 1e-6);
    assertEquals(-Math.log(0.2), d.loss(2), 1e-6);
    assertEquals(0, d.top());
  }

  /** By definition: the reference's probabilities weigh the logarithms of the ratios. */
  @Test
  void divergenceIsWeighedByTheReference() {
    Distribution reference = of(log(0.5), log(0.5));
    Distribution tested = of(log(0.25), log(0.75));
    assertEquals(0.5 * Math.log(2) + 0.5 * Math.log(2 / 3.0), tested.divergenceFrom(reference), 1e-6);
    assertEquals(0.25 * Math.log(0.5) + 0.75 * Math.log(1.5), reference.divergenceFrom(tested), 1e-6);
    assertEquals(0, tested.divergenceFrom(tested));
  }

  @Test
  void greatLogitsDoNotOverflow() {
    Distribution up = of(3e38f, -3e38f);
    Distribution down = of(-3e38f, 3e38f);
    assertEquals(0, up.loss(0), Double.MIN_VALUE);
    assertEquals(6e38, up.loss(1), 1e32);
    assertEquals(6e38, up.divergenceFrom(down), 1e32);
    assertEquals(0, of(-1e30f, -1e30f).divergenceFrom(of(0, 0)));
  }

  @Test
  void theFirstOfEqualsIsTheTop() {
    assertEquals(1, of(1, 2, 2).top());
  }

  @Test
  void valuesBeyondTheVocabularyDoNotCount() {
    assertEquals(Math.log(2), new Distribution(2).set(new float[] {1, 1, 9}).loss(1), 1e-15);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void whatIsNotFiniteIsRefused(float logit) {
    assertThrows(CommandException.class, () -> of(0, logit));
  }
}
