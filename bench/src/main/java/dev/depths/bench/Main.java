package dev.depths.bench;

import java.util.List;
import java.util.Locale;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;

/**
 * Runs JMH with its own command line ({@code -h} shows it), and prints what follows from the results: Mixture-of-Depths
 * against dense beside what counting predicts, and rates beside what the machine can do.
 */
public final class Main {
  private Main() {}

  /** @param args JMH's options and patterns of benchmark names */
  public static void main(String[] args) throws Exception {
    try {
      CommandLineOptions options = new CommandLineOptions(args);
      if (options.shouldHelp() || options.shouldList() || options.shouldListWithParams()
          || options.shouldListProfilers() || options.shouldListResultFormats()) {
        org.openjdk.jmh.Main.main(args);
        return;
      }
      double load = Machine.load();
      List<Measured> results = new Runner(options).run().stream().map(Measured::of).toList();
      System.out.printf(Locale.ROOT, "%n%s, load %.1f before%n", Machine.describe(), load);
      System.out.print(MixtureTable.markdown(results));
      System.out.print(RateTable.markdown(results));
    } catch (CommandLineOptionException | RunnerException e) {
      System.err.println("depths-bench: " + e.getMessage());
      System.exit(1);
    }
  }
}
