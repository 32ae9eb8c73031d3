package dev.depths.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModDescriptor.Part;
import dev.depths.runtime.Counters;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What is computed from results. */
class TablesTest {
  private static Measured decode(String routing, int threads, double score, double gigaBytes) {
    return new Measured("DecodeBenchmark.decode", Map.of("routing", routing, "threads", "" + threads), threads, score,
        Map.of("gigaBytes", gigaBytes));
  }

  @Test
  void mixtureAgainstDenseOfTheSameTest() {
    // Dense reads 0.1 GB per token, the other 0.05: twice as fast is predicted, 1.5 times as fast was measured.
    String table = MixtureTable.markdown(List.of(
        decode("dense", 2, 999, 999), decode("dense", 1, 100, 10), decode("0.125", 1, 150, 7.5)));
    assertTrue(table.contains("| decode | 1 | dense | 100.0 | 1.00 | 1.00 | 100 % |"), table);
    assertTrue(table.contains("| decode | 1 | 12.5 % | 150.0 | 1.50 | 2.00 | 75 % |"), table);
  }

  @Test
  void noTableWithoutDense() {
    assertEquals("", MixtureTable.markdown(List.of(decode("0.5", 1, 1, 1))));
  }

  @Test
  void noTableWithoutWork() {
    Measured token = new Measured("TokenBenchmark.decode", Map.of("routing", "dense"), 1, 1, Map.of());
    assertEquals("", MixtureTable.markdown(List.of(token)));
    assertEquals("", RateTable.markdown(List.of(token)));
  }

  @Test
  void ratesBesideTheProbeOfAsManyThreads() {
    String table = RateTable.markdown(List.of(
        new Measured("ProbeBenchmark.readOneThread", Map.of(), 1, 1, Map.of("gigaBytes", 20.0)),
        new Measured("ProbeBenchmark.readTwoThreads", Map.of(), 2, 1, Map.of("gigaBytes", 40.0)),
        decode("dense", 2, 100, 10), decode("0.125", 2, 100, 30)));
    assertTrue(table.contains("| Decode.decode | routing=dense | 2 | 100.0 | 10.00 GB/s | 25 % |"), table);
    assertTrue(table.contains("| Decode.decode | routing=0.125 | 2 | 100.0 | 30.00 GB/s | 75 % |"), table);
  }

  @Test
  void flopsOfSmolLm2() {
    // d 576: q and o 576 x 576, k and v 192 x 576, gate, up and down 1536 x 576.
    long weights = 2 * 576 * 576 + 2 * 192 * 576 + 3 * 1536 * 576;
    assertEquals(weights, Flops.weights(Shape.SMOLLM2_135M.config()));
    double one = 2.0 * weights + 4 * 576;
    double two = 2 * 2.0 * weights + 4 * 576 * (1 + 2);
    assertEquals(one, Flops.block(Shape.SMOLLM2_135M.config(), 1));
    assertEquals(two, Flops.block(Shape.SMOLLM2_135M.config(), 2));

    Counters counters = new Counters(2, 58, 2, 0, 0,
        List.of(new Counters.RoutedPart(1, Part.BLOCK, 2, 1), new Counters.RoutedPart(3, Part.BLOCK, 2, 1)));
    assertEquals(28 * two + 2 * one + 2.0 * 576 * 49_152, Flops.prefill(Shape.SMOLLM2_135M.config(), counters));
  }
}
