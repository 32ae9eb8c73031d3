package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConvertCommandTest {
  @TempDir
  Path directory;
  private Path in;
  private Path out;

  @BeforeEach
  void write() throws IOException {
    in = TinyModel.write(directory, "in.gguf", TinyModel.routed());
    out = directory.resolve("out.gguf");
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void writesAModelThatSaysTheSame() throws IOException {
    CommandRun run = CommandRun.of("convert", "--type", "q8_0", in, out);
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.out());
    assertTrue(run.err().matches("wrote \\S+out.gguf: \\d+\\.\\d MiB, 22 tensors\\R"), run.err());
    assertEquals(List.of("in.gguf", "out.gguf"), files());
    String expected = CommandRun.of("generate", "-m", in, "--temp", "0", "abc").out();
    assertEquals(expected, CommandRun.of("generate", "-m", out, "--temp", "0", "abc").out());
    String inspected = CommandRun.of("inspect", out).out();
    assertTrue(inspected.contains("Q8_0"), inspected);
  }

  @Test
  void replacesOnlyIfAsked() throws IOException {
    Files.writeString(out, "precious");
    CommandRun run = CommandRun.of("convert", in, out);
    assertEquals(1, run.code());
    assertEquals("depths convert: " + out + " exists; --force replaces it\n", run.err());
    assertEquals("precious", Files.readString(out));
    assertEquals(0, CommandRun.of("convert", "--force", in, out).code());
    assertEquals(-1, Files.mismatch(in, out));
  }

  @Test
  void neverOverItsInput() throws IOException {
    byte[] before = Files.readAllBytes(in);
    CommandRun run = CommandRun.of("convert", "--force", "--type", "f16", in, in);
    assertEquals(1, run.code());
    assertEquals("depths convert: " + in + ": is part of what is converted\n", run.err());
    assertTrue(Arrays.equals(before, Files.readAllBytes(in)));
  }

  @Test
  void convertsAdapters() throws IOException {
    CommandRun run = CommandRun.of("convert", DefaultModel.adapter(), out);
    assertEquals(0, run.code(), run.err());
    assertEquals(-1, Files.mismatch(DefaultModel.adapter(), out));
    for (String option : List.of("--type=f16", "--adapter=" + in)) {
      CommandRun refused = CommandRun.of("convert", "--force", option, DefaultModel.adapter(), out);
      assertEquals(2, refused.code(), refused.err());
      assertTrue(refused.err().contains("goes with a model, and IN is an adapter"), refused.err());
    }
    CommandRun routed = CommandRun.of("convert", "--force", "--adapter", DefaultModel.adapter(), in, out);
    assertEquals(1, routed.code());
    assertTrue(routed.err().contains("is a Mixture-of-Depths model; an adapter is merged into a dense one"), routed.err());
  }

  @Test
  void placesThatCannotBeWritten() throws IOException {
    CommandRun run = CommandRun.of("convert", in, directory.resolve("missing/out.gguf"));
    assertEquals(1, run.code());
    assertEquals("depths convert: " + directory.resolve("missing") + ": no such file or directory\n", run.err());
    run = CommandRun.of("convert", "--force", in, directory);
    assertEquals(1, run.code());
    assertEquals("depths convert: " + directory + ": is no regular file\n", run.err());
    assertEquals(List.of("in.gguf"), files());
  }

  /** Replacing a file would take a device away from everybody. */
  @Test
  void devicesAreNotReplaced() {
    CommandRun run = CommandRun.of("convert", "--force", in, "/dev/null");
    assertEquals(1, run.code());
    assertEquals("depths convert: /dev/null: is no regular file\n", run.err());
  }
}
