package dev.depths.tools;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizeCommandTest {
  @TempDir
  Path directory;

  private Path model;

  @BeforeEach
  void writeVocabulary() throws IOException {
    model = TinyModel.write(directory, "vocabulary.gguf", TinyModel.vocabulary());
  }

  private String tokenize(Object... args) {
    Object[] all = new Object[args.length + 3];
    System.arraycopy(new Object[] {"tokenize", "-m", model}, 0, all, 0, 3);
    System.arraycopy(args, 0, all, 3, args.length);
    CommandRun run = CommandRun.of(all);
    assertEquals(0, run.code(), run.err());
    assertEquals("", run.err());
    return run.out();
  }

  @Test
  void idsOnOneLine() {
    assertEquals(TinyModel.HE + " " + TinyModel.id('y') + "\n", tokenize("hey"));
    assertEquals("\n", tokenize(""));
  }

  @Test
  void specialTextsAreParsedUnlessTakenLiterally() {
    assertEquals(TinyModel.TURN_END + "\n", tokenize("<|im_end|>"));
    assertEquals(10, tokenize("--no-special", "<|im_end|>").split(" ").length);
  }

  @Test
  void beginningOfTextAsTheModelAsks() throws IOException {
    model = TinyModel.write(directory, "bos.gguf", TinyModel.vocabulary().put("tokenizer.ggml.add_bos_token", true));
    assertEquals(TinyModel.TURN_START + " " + TinyModel.id('a') + "\n", tokenize("a"));
    assertEquals(TinyModel.id('a') + "\n", tokenize("--no-special", "a"));
  }

  @Test
  void textOfAFileIsTakenAsItIs() throws IOException {
    Path file = Files.writeString(directory.resolve("text"), "a\r\n\n");
    assertEquals(4, tokenize("-f", file).split(" ").length);
    assertEquals(TinyModel.id('a') + " " + TinyModel.id('\n') + "\n",
        CommandRun.withInput("a\n", "tokenize", "-m", model, "-").out());
  }

  @Test
  void decodesBytesExactly() {
    int first = TinyModel.FIRST_BYTE + 0xC3;
    int second = TinyModel.FIRST_BYTE + 0xA9;
    assertEquals("é", tokenize("--decode", first + " " + second));
    assertEquals("é<|im_end|>", tokenize("--decode", first + "," + second + ", 2"));
    assertEquals("é", tokenize("--decode", "--no-special", first + " " + second + " 2"));
    CommandRun half = CommandRun.of("tokenize", "-m", model, "--decode", Integer.toString(first));
    assertArrayEquals(new byte[] {(byte) 0xC3}, half.bytes());
  }

  @Test
  void refusesWhatIsNoToken() {
    for (String ids : new String[] {"x", "1.5", "-1", "260", "99999999999"}) {
      CommandRun run = CommandRun.withInput(ids, "tokenize", "-m", model, "--decode", "-");
      assertEquals(1, run.code());
      assertTrue(run.err().contains(ids), run.err());
      assertEquals(1, run.err().lines().count());
    }
  }
}
