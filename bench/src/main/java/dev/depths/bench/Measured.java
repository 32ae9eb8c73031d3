package dev.depths.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;

/**
 * One benchmark's result. Rates are medians over iterations, which a busy moment of the machine does not move.
 *
 * @param benchmark class and method, without the package
 * @param parameters by name
 * @param threads that computed: the model's workers, or JMH's threads
 * @param score operations per second
 * @param rates of {@link Work}, by name, per second
 */
record Measured(
    String benchmark, Map<String, String> parameters, int threads, double score, Map<String, Double> rates) {
  static Measured of(RunResult result) {
    BenchmarkParams params = result.getParams();
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String name : params.getParamsKeys()) {
      parameters.put(name, params.getParam(name));
    }
    Map<String, Double> rates = new LinkedHashMap<>();
    result.getSecondaryResults().forEach((name, rate) -> {
      if (Work.UNITS.containsKey(name)) {
        rates.put(name, median(rate));
      }
    });
    String name = params.getBenchmark();
    String threads = parameters.getOrDefault("threads", Integer.toString(params.getThreads()));
    return new Measured(name.substring(Measured.class.getPackageName().length() + 1), parameters,
        Integer.parseInt(threads), median(result.getPrimaryResult()), rates);
  }

  private static double median(Result<?> result) {
    return result.getStatistics().getPercentile(50);
  }
}
