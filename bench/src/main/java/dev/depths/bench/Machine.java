package dev.depths.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Where numbers come from. */
final class Machine {
  private Machine() {}

  /** One line: processor, cores, JDK. */
  static String describe() throws IOException {
    return processor() + ", " + Runtime.getRuntime().availableProcessors() + " cores, JDK " + Runtime.version();
  }

  /** Threads that ran or wanted to run in the last minute, on average; negative where the system does not say. */
  static double load() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  private static String processor() throws IOException {
    Path info = Path.of("/proc/cpuinfo");
    if (Files.isReadable(info)) {
      try (Stream<String> lines = Files.lines(info)) {
        return lines.filter(line -> line.startsWith("model name")).findFirst()
            .map(line -> line.substring(line.indexOf(':') + 1).strip()).orElse(System.getProperty("os.arch"));
      }
    }
    return System.getProperty("os.arch");
  }
}
