package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
  private static final Sampling ALL = new Sampling(1, 0, 1, 0, 1, 64, 0);

  /** Each filter alone, then together, in chains that would keep other tokens in another order. */
  static List<Sampling> samplings() {
    List<Sampling> samplings = new ArrayList<>(List.of(
        ALL,
        new Sampling(1, 5, 1, 0, 1, 64, 1),
        new Sampling(1, 1, 1, 0, 1, 64, 2),
        new Sampling(1, 0, 0.7f, 0, 1, 64, 3),
        new Sampling(1, 0, 1, 0.2f, 1, 64, 4),
        new Sampling(1, 0, 1, 1, 1, 64, 5),
        new Sampling(0.5f, 0, 1, 0, 1, 64, 6),
        new Sampling(2, 0, 1, 0, 1, 64, 7),
        // Top-p after top-k counts the k tokens' probability alone; temperature comes last, and so cannot widen top-p.
        new Sampling(3, 4, 0.8f, 0, 1, 64, 8),
        new Sampling(2, 0, 0.6f, 0.1f, 1, 64, 9),
        new Sampling(1, 3, 1e-6f, 0, 1, 64, 10),
        new Sampling(1, 100, 0.9f, 0.05f, 1.3f, 8, 11),
        new Sampling(1, 0, 1, 0, 0.7f, 3, 12),
        Sampling.defaults(),
        Sampling.defaults().withSeed(-1)));
    Random random = new Random(1);
    for (int i = 0; i < 25; i++) {
      samplings.add(new Sampling(0.3f + 2 * random.nextFloat(), random.nextInt(25), 1 - random.nextFloat(),
          random.nextFloat() / 3, 0.5f + 2 * random.nextFloat(), random.nextInt(10), random.nextLong()));
    }
    return samplings;
  }

  @ParameterizedTest
  @MethodSource("samplings")
  void drawsAsOftenAsTheNaiveChainSays(Sampling sampling) {
    Random random = new Random(sampling.seed());
    int vocabulary = 20;
    // Longer than the vocabulary, as the session's array is: what lies beyond must not be drawn.
    float[] logits = new float[32];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = i < vocabulary ? (float) (2 * random.nextGaussian()) : 1e9f;
    }
    float[] before = logits.clone();
    Sampler sampler = new Sampler(sampling, vocabulary);
    List<Integer> recent = new ArrayList<>();
    for (int i = 0; i < 12; i++) {
      int token = random.nextInt(5);
      sampler.accept(token);
      recent.add(token);
    }
    double[] expected = naive(sampling, Arrays.copyOf(logits, vocabulary), recent);
    int draws = 4000;
    int[] counts = new int[vocabulary];
    for (int i = 0; i < draws; i++) {
      counts[sampler.next(logits, vocabulary)]++;
      assertArrayEquals(before, logits, "the model's logits are put back");
    }
    double chiSquare = 0;
    int degrees = -1;
    for (int i = 0; i < vocabulary; i++) {
      if (expected[i] == 0) {
        assertEquals(0, counts[i], "filtered token " + i);
      } else {
        chiSquare += Math.pow(counts[i] - draws * expected[i], 2) / (draws * expected[i]);
        degrees++;
      }
    }
    // Mean n, variance 2n: beyond five deviations something is wrong (seeds are fixed, so this does not flicker).
    double bound = degrees + 5 * Math.sqrt(2.0 * degrees) + 1e-9;
    double found = chiSquare;
    assertTrue(chiSquare <= bound, () -> "chi square " + found + " above " + bound + " of " + Arrays.toString(counts));
  }

  /** Probabilities by the definitions: penalties, top-k, top-p, min-p, temperature. */
  private static double[] naive(Sampling s, float[] logits, List<Integer> accepted) {
    double[] x = IntStream.range(0, logits.length).mapToDouble(i -> logits[i]).toArray();
    List<Integer> recent = accepted.subList(Math.max(0, accepted.size() - s.repeatLast()), accepted.size());
    recent.stream().distinct().forEach(t -> x[t] = x[t] > 0 ? x[t] / s.repeatPenalty() : x[t] * s.repeatPenalty());
    List<Integer> kept = new ArrayList<>(IntStream.range(0, x.length).boxed()
        .sorted(Comparator.comparingDouble((Integer i) -> -x[i]).thenComparing(i -> i)).toList());
    if (s.topK() > 0) {
      kept = kept.subList(0, Math.min(s.topK(), kept.size()));
    }
    if (s.topP() < 1) {
      double[] p = probabilities(x, kept, 1);
      double sum = 0;
      int n = 0;
      while (n < kept.size() && sum < s.topP()) {
        sum += p[kept.get(n++)];
      }
      kept = kept.subList(0, n);
    }
    double[] p = probabilities(x, kept, 1);
    double best = p[kept.getFirst()];
    return probabilities(x, kept.stream().filter(i -> p[i] >= s.minP() * best).toList(), s.temperature());
  }

  private static double[] probabilities(double[] x, List<Integer> kept, double temperature) {
    double[] p = new double[x.length];
    double sum = kept.stream().mapToDouble(i -> Math.exp(x[i] / temperature)).sum();
    kept.forEach(i -> p[i] = Math.exp(x[i] / temperature) / sum);
    return p;
  }

  @ParameterizedTest
  @ValueSource(floats = {0, -1, Float.NEGATIVE_INFINITY})
  void greedyTakesTheLargestAndOfEqualOnesTheFirst(float temperature) {
    Sampler sampler = new Sampler(Sampling.defaults().withTemperature(temperature), 5);
    assertEquals(3, sampler.next(new float[] {1, -2, 0, 7, 5, 99}, 5));
    assertEquals(1, sampler.next(new float[] {-4, 2, 2, 2, 0}, 5));
    assertEquals(0, sampler.next(new float[] {-9, -9, -9, -9, -9}, 5));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 5, 6})
  void ofEqualLogitsTopKKeepsTheFirst(int topK) {
    Sampler sampler = new Sampler(new Sampling(1, topK, 1, 0, 1, 0, 0), 6);
    boolean[] drawn = new boolean[6];
    for (int i = 0; i < 1000; i++) {
      drawn[sampler.next(new float[] {2, 1, 2, 2, 1, 2}, 6)] = true;
    }
    boolean[] expected = switch (topK) {
      case 3 -> new boolean[] {true, false, true, true, false, false};
      case 5 -> new boolean[] {true, true, true, true, false, true};
      default -> new boolean[] {true, true, true, true, true, true};
    };
    assertArrayEquals(expected, drawn);
  }

  @Test
  void greedyHeedsThePenalty() {
    Sampler sampler = new Sampler(new Sampling(0, 0, 1, 0, 2, 2, 0), 3);
    float[] logits = {4, 3, -1};
    assertEquals(0, sampler.next(logits, 3));
    sampler.accept(0);
    // Twice in the window, penalised once: 4 / 2 is below 3, 4 / 4 would be too, so 1.5 decides.
    sampler.accept(0);
    assertEquals(1, sampler.next(logits, 3));
    assertEquals(0, sampler.next(new float[] {4, 1.5f, -1}, 3));
    // Negative logits grow: -1 becomes -2.
    sampler.accept(2);
    assertEquals(1, sampler.next(new float[] {-3, -1.5f, -1}, 3));
    // The window is of two: the last two are 2 and 1, and 0 is free again.
    sampler.accept(1);
    assertEquals(0, sampler.next(logits, 3));
    assertArrayEquals(new float[] {4, 3, -1}, logits);
  }

  @Test
  void theSameSeedDrawsTheSame() {
    assertArrayEquals(draws(7), draws(7));
    assertNotEquals(Arrays.toString(draws(7)), Arrays.toString(draws(8)));
  }

  private static int[] draws(long seed) {
    Sampler sampler = new Sampler(Sampling.defaults().withTemperature(2).withSeed(seed), 50);
    Random random = new Random(1);
    return IntStream.range(0, 50).map(_ -> {
      float[] logits = new float[50];
      for (int i = 0; i < logits.length; i++) {
        logits[i] = (float) random.nextGaussian();
      }
      return sampler.next(logits, 50);
    }).toArray();
  }

  @Test
  void defaultsAreThoseOfLlamaCpp() {
    assertEquals(new Sampling(0.8f, 40, 0.95f, 0.05f, 1, 64, 0), Sampling.defaults());
    assertEquals(new Sampling(0, 40, 0.95f, 0.05f, 1, 64, 0), Sampling.greedy());
  }

  @Test
  void refusesWhatMakesNoSense() {
    assertThrows(IllegalArgumentException.class, () -> new Sampling(Float.NaN, 0, 1, 0, 1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, -1, 1, 0, 1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 0, 0, 1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1.1f, 0, 1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, Float.NaN, 0, 1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, -0.1f, 1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, 1.1f, 1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, 0, 0, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, 0, Float.POSITIVE_INFINITY, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Sampling(1, 0, 1, 0, 1, -1, 0));
  }
}
