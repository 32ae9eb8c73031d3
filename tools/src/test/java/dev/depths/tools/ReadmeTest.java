package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows stays true. */
class ReadmeTest {
  private static final Path README = Path.of("..", "README.md");

  /** The example application, as it stands, compiled and run by a JVM of its own. */
  @Test
  void exampleRuns(@TempDir Path directory) throws Exception {
    Path model = CachedModel.path();
    Matcher example = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(README));
    assertTrue(example.find());
    Path source = Files.writeString(directory.resolve("Lighthouse.java"), example.group(1));
    String classPath = String.join(File.pathSeparator,
        System.getProperty("jdk.module.path", ""), System.getProperty("java.class.path"));
    Path output = directory.resolve("output");
    Process process = new ProcessBuilder(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--add-modules", "jdk.incubator.vector",
        "-cp", classPath, source.toString(), model.toString(), DefaultModel.adapter().toString()))
        .redirectErrorStream(true).redirectOutput(output.toFile()).start();
    int code = process.waitFor();
    String text = Files.readString(output);
    assertEquals(0, code, text);
    Matcher summary = Pattern.compile(
        "(\\d+) tokens, ended by [A-Z]+, (\\d+) of (\\d+) block passes skipped, (\\d+) bytes of KV cache").matcher(text);
    assertTrue(summary.find(), text);
    assertTrue(Integer.parseInt(summary.group(1)) > 0, text);
    assertTrue(Integer.parseInt(summary.group(2)) > 0, text);
  }
}
