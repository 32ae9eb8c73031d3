package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogitsCommandTest {
  @TempDir
  Path directory;

  private Path model;
  private Path out;

  @BeforeEach
  void writeModel() throws IOException {
    model = TinyModel.write(directory, "routed.gguf", TinyModel.routed());
    out = directory.resolve("logits.npy");
  }

  @Test
  void writesNumpyAndRouting() throws IOException {
    Path routing = directory.resolve("routing.json");
    CommandRun run = CommandRun.of("logits", "-m", model, "--exact", "hello", "--out", out, "--routing", routing);
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.out());
    assertEquals("{\"blocks\":{\"1\":[0,3]}}\n", Files.readString(routing));

    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(out)).order(ByteOrder.LITTLE_ENDIAN);
    byte[] magic = new byte[8];
    bytes.get(magic);
    assertEquals("\u0093NUMPY\u0001\u0000", new String(magic, StandardCharsets.ISO_8859_1));
    byte[] header = new byte[bytes.getShort()];
    bytes.get(header);
    assertEquals(0, bytes.position() % 64);
    String text = new String(header, StandardCharsets.US_ASCII);
    assertEquals("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 260), }", text.strip());
    assertTrue(text.endsWith("\n"));
    assertEquals(4 * TinyModel.VOCABULARY * 4, bytes.remaining());
    int[] expected = {TinyModel.id('a'), TinyModel.id('m'), TinyModel.id('m'), TinyModel.id('p')};
    for (int token : expected) {
      assertEquals(token, argmax(bytes));
    }
  }

  private static int argmax(ByteBuffer row) {
    int best = 0;
    float highest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < TinyModel.VOCABULARY; i++) {
      float logit = row.getFloat();
      if (logit > highest) {
        highest = logit;
        best = i;
      }
    }
    return best;
  }

  @Test
  void tokensGiveTheSameAsTheirText() throws IOException {
    CommandRun.of("logits", "-m", model, "hey", "--out", out);
    byte[] text = Files.readAllBytes(out);
    CommandRun run = CommandRun.of(
        "logits", "-m", model, "--tokens", TinyModel.HE + "," + TinyModel.id('y'), "--out", out);
    assertEquals(0, run.code(), run.err());
    assertEquals(ByteBuffer.wrap(text), ByteBuffer.wrap(Files.readAllBytes(out)));
  }

  @Test
  void denseModelHasNoRoutedBlocks() throws IOException {
    Path dense = TinyModel.write(directory, "dense.gguf", TinyModel.dense());
    Path routing = directory.resolve("routing.json");
    CommandRun run = CommandRun.of("logits", "-m", dense, "a", "--out", out, "--routing", routing);
    assertEquals(0, run.code(), run.err());
    assertEquals("{\"blocks\":{}}\n", Files.readString(routing));
  }

  @Test
  void failureLeavesNoFile() throws IOException {
    for (List<String> tokens : List.of(List.of("--tokens", "1,9999"), List.of("--tokens", " "), List.of("1".repeat(999)))) {
      Object[] args = {"logits", "-m", model, "--out", out};
      Object[] all = java.util.stream.Stream.concat(java.util.Arrays.stream(args), tokens.stream()).toArray();
      CommandRun run = CommandRun.of(all);
      assertEquals(1, run.code(), run.err());
      assertEquals(1, run.err().lines().count(), run.err());
    }
    try (var files = Files.list(directory)) {
      assertFalse(files.anyMatch(file -> file.toString().contains("npy")));
    }
  }

  @Test
  void unwritableOutputIsAnError() {
    CommandRun run = CommandRun.of("logits", "-m", model, "a", "--out", directory.resolve("missing/x.npy"));
    assertEquals(1, run.code());
    assertTrue(run.err().contains("missing/x.npy"), run.err());
  }
}
