package dev.depths.tools;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The processor's name. */
final class Cpu {
  static final String NAME = name();

  private Cpu() {}

  private static String name() {
    Path info = Path.of("/proc/cpuinfo");
    try {
      if (Files.isReadable(info)) {
        try (Stream<String> lines = Files.lines(info)) {
          return lines.filter(line -> line.startsWith("model name"))
              .findFirst().map(line -> line.substring(line.indexOf(':') + 1).strip()).orElse(architecture());
        }
      }
      Process sysctl = new ProcessBuilder("sysctl", "-n", "machdep.cpu.brand_string").start();
      String name = new String(sysctl.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return name.isEmpty() ? architecture() : name;
    } catch (IOException e) {
      return architecture();
    }
  }

  private static String architecture() {
    return System.getProperty("os.arch");
  }
}
