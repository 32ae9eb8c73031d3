package dev.depths.bench;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A Python program of this module, with shell scripts in a directory in place of the programs that it measures.
 *
 * @param script the program, from the module's directory
 */
record PythonProgram(String script, Path directory) {
  record Outcome(int status, String out, String error) {}

  /** Skips the test where there is no Python: then the program cannot be run there either. */
  static void require() throws InterruptedException {
    assumeTrue(hasPython(), "no python3");
  }

  private static boolean hasPython() throws InterruptedException {
    try {
      return new ProcessBuilder("python3", "--version").start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  /** An executable shell script. */
  Path program(String name, String text) throws IOException {
    Path file = directory.resolve(name);
    Files.writeString(file, "#!/bin/sh\n" + text);
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  Outcome run(String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("python3", script));
    command.addAll(List.of(options));
    Path out = directory.resolve("out");
    Path error = directory.resolve("error");
    ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(error.toFile());
    // What this user has fetched and built must not decide what a test finds.
    builder.environment().put("XDG_CACHE_HOME", directory.resolve("cache").toString());
    Process process = builder.start();
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    return new Outcome(process.exitValue(), Files.readString(out), Files.readString(error));
  }
}
