package dev.depths.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Every benchmark once, for every parameter, on a tiny model and in this JVM. How fast it is, nobody asks here. */
class BenchmarksTest {
  private static List<Measured> run(String include, String... parameters) throws RunnerException {
    List<Measured> measured = results(include, parameters).stream().map(Measured::of).toList();
    for (Measured m : measured) {
      assertTrue(m.score() > 0, m::toString);
      assertFalse(m.rates().isEmpty(), m::toString);
      assertTrue(m.rates().values().stream().allMatch(rate -> rate > 0), m::toString);
    }
    return measured;
  }

  private static Collection<RunResult> results(String include, String... parameters) throws RunnerException {
    ChainedOptionsBuilder options = new OptionsBuilder()
        .include(include).forks(0).warmupIterations(0).measurementIterations(1)
        .measurementTime(TimeValue.milliseconds(1)).verbosity(VerboseMode.SILENT).shouldFailOnError(true);
    for (int i = 0; i < parameters.length; i += 2) {
      options.param(parameters[i], parameters[i + 1].split(","));
    }
    return new Runner(options.build()).run();
  }

  @Test
  void prefill() throws RunnerException {
    List<Measured> results = run("PrefillBenchmark", "shape", "TINY");
    assertEquals(3 * 2 * 5, results.size());
    assertTrue(MixtureTable.markdown(results).contains("| prefill512 | 2 | 12.5 % |"));
  }

  @Test
  void decode() throws RunnerException {
    List<Measured> results = run("DecodeBenchmark", "shape", "TINY");
    assertEquals(2 * 2 * 5, results.size());
    assertTrue(MixtureTable.markdown(results).contains("| decode after 512 | 1 | 50.0 % |"));
  }

  @Test
  void tokens() throws RunnerException {
    Collection<RunResult> results = results("TokenBenchmark", "shape", "TINY");
    assertEquals(2 * 5, results.size());
    assertTrue(results.stream().allMatch(r -> r.getPrimaryResult().getStatistics().getPercentile(99) > 0));
  }

  @Test
  void routedBlock() throws RunnerException {
    assertEquals(2 * 11, run("RoutedBlockBenchmark", "shape", "TINY").size());
  }

  @Test
  void kernels() throws RunnerException {
    assertEquals(2 * 12, run("GemmBenchmark").size());
    assertEquals(2 * 2 * 11, run("\\.GemvBenchmark").size());
    assertEquals(2 * 10, run("\\.UnpackBenchmark").size());
    assertEquals(2 * 2 * 2, run("AttentionBenchmark", "positions", "64").size());
    assertEquals(9 * 2 * 2, run("ElementwiseBenchmark", "elements", "32,576").size());
    assertEquals(11 + 10, run("Streaming", "mebibytes", "1").size());
  }

  @Test
  void probes() throws RunnerException {
    List<Measured> results = run("ProbeBenchmark", "mebibytes", "1");
    assertEquals(4, results.size());
    assertTrue(RateTable.markdown(results).contains("| 100 % |"));
  }
}
