package dev.depths.loader.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.Checkpoint;
import dev.depths.loader.GgufWriter;
import dev.depths.loader.LoadException;
import dev.depths.loader.MalformedFileException;
import dev.depths.loader.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tokenizers of Hugging Face directories, written to GGUF files and read back: the ids of texts stay what they are. */
class GgufVocabularyTest {
  @TempDir
  private Path directory;

  private record Written(Map<String, Object> metadata, Tokenizer tokenizer, List<String> notes) {}

  private Written write(Path source, int size) throws IOException {
    GgufWriter writer = new GgufWriter().put("general.architecture", "none");
    List<String> notes = Tokenizers.huggingFaceToGguf(source, size, writer);
    Path file = directory.resolve("vocabulary.gguf");
    writer.write(file);
    try (Checkpoint checkpoint = Checkpoint.open(file)) {
      Map<String, Object> metadata = new HashMap<>();
      checkpoint.metadata().forEach((k, v) -> metadata.put(k, v instanceof List<?> list ? List.copyOf(list) : v));
      return new Written(metadata, checkpoint.tokenizer().orElseThrow(), notes);
    }
  }

  /** A fixture with its tokenizer.json changed. */
  private Path changed(String fixture, UnaryOperator<String> change) throws IOException {
    Path source = Fixtures.directory(fixture);
    Path copy = Files.createDirectories(directory.resolve("changed"));
    Files.writeString(copy.resolve("tokenizer.json"), change.apply(Files.readString(source.resolve("tokenizer.json"))));
    Files.copy(source.resolve("tokenizer_config.json"), copy.resolve("tokenizer_config.json"));
    return copy;
  }

  @ParameterizedTest
  @CsvSource({"gpt-2, gpt-2", "smollm, smollm", "llama-bpe, llama-bpe", "falcon, falcon", "default, default",
      "tekken, tekken", "gpt-4o, gpt-4o"})
  void byteLevel(String fixture, String pre) throws IOException {
    Path source = Fixtures.directory(fixture);
    Tokenizer before = Tokenizers.fromHuggingFace(source);
    Written written = write(source, before.size() + 3);
    assertEquals(pre, written.metadata.get("tokenizer.ggml.pre"));
    assertEquals(List.of(), written.notes);
    assertSame(before, written.tokenizer);
    for (Fixtures.Golden expected : Fixtures.golden(fixture)) {
      assertArrayEquals(expected.ids(), written.tokenizer.encode(expected.text(), true), expected.text());
      assertArrayEquals(expected.special(), written.tokenizer.encode(expected.text(), true, true), expected.text());
    }
  }

  /** GGUF cannot say that Qwen's texts are composed; those that are already get the same ids. */
  @Test
  void composedText() throws IOException {
    Written written = write(Fixtures.directory("qwen2"), 701);
    assertEquals(1, written.notes.size());
    assertTrue(written.notes.getFirst().contains("NFC"), written.notes.getFirst());
    for (Fixtures.Golden expected : Fixtures.golden("qwen2")) {
      if (Normalizer.isNormalized(expected.text(), Normalizer.Form.NFC)) {
        assertArrayEquals(expected.ids(), written.tokenizer.encode(expected.text(), true), expected.text());
      }
    }
  }

  @Test
  void sentencePiece() throws IOException {
    Path source = Fixtures.directory("llama2");
    Tokenizer before = Tokenizers.fromHuggingFace(source);
    Written written = write(source, before.size());
    assertEquals("llama", written.metadata.get("tokenizer.ggml.model"));
    assertEquals(true, written.metadata.get("tokenizer.ggml.add_space_prefix"));
    assertEquals(0L, written.metadata.get("tokenizer.ggml.unknown_token_id"));
    assertEquals(List.of(), written.notes);
    assertSame(before, written.tokenizer);
    for (Fixtures.Golden expected : Fixtures.golden("llama2")) {
      assertArrayEquals(expected.ids(), written.tokenizer.encode(expected.text(), true), expected.text());
      assertArrayEquals(expected.special(), written.tokenizer.encode(expected.text(), true, true), expected.text());
      assertEquals(before.decode(expected.ids(), true), written.tokenizer.decode(expected.ids(), true));
    }
  }

  /** A space at the beginning alone is more than GGUF can say. */
  @Test
  void spaceAtTheBeginning() throws IOException {
    Written written = write(Fixtures.directory("metaspace"), 900);
    assertEquals(1, written.notes.size());
    assertTrue(written.notes.getFirst().contains("not at the beginning alone"), written.notes.getFirst());
    for (Fixtures.Golden expected : Fixtures.golden("metaspace")) {
      if (!expected.text().startsWith(" ") && !expected.text().contains("<") && !expected.text().startsWith("▁")) {
        assertArrayEquals(expected.ids(), written.tokenizer.encode(expected.text(), true), expected.text());
      }
    }
  }

  private static void assertSame(Tokenizer before, Tokenizer after) {
    assertEquals(before.bos(), after.bos());
    assertEquals(before.eos(), after.eos());
    assertEquals(before.endOfGeneration(), after.endOfGeneration());
    for (int id = 0; id < before.size(); id++) {
      assertEquals(before.piece(id), after.piece(id));
      assertEquals(before.isControl(id), after.isControl(id));
      assertArrayEquals(before.bytes(id, true), after.bytes(id, true));
    }
    for (int id = before.size(); id < after.size(); id++) {
      assertEquals("[PAD" + id + "]", after.piece(id));
      assertEquals(0, after.bytes(id, true).length);
    }
  }

  @Test
  void tokensWithARole() throws IOException {
    Path source = changed("smollm", json -> json);
    Files.writeString(source.resolve("tokenizer_config.json"),
        "{\"bos_token\": \"<|im_start|>\", \"eos_token\": \"<|im_end|>\", \"pad_token\": {\"content\": \"<|endoftext|>\"}}");
    Files.writeString(source.resolve("generation_config.json"), "{\"eos_token_id\": [2, 700, 650, 651]}");
    Written written = write(source, 800);
    assertEquals(0L, written.metadata.get("tokenizer.ggml.padding_token_id"));
    assertEquals(650L, written.metadata.get("tokenizer.ggml.eot_token_id"));
    assertEquals(651L, written.metadata.get("tokenizer.ggml.eom_token_id"));
    assertEquals(List.of("token 700 does not end a generation in GGUF"), written.notes);
    assertFalse(written.metadata.containsKey("tokenizer.ggml.unknown_token_id"));
  }

  private void assertRefused(Class<? extends LoadException> type, String message, Path source) {
    LoadException e = assertThrows(type, () -> write(source, 1000));
    assertTrue(e.getMessage().contains(message), e.getMessage());
  }

  @Test
  void kindsThatGgufCannotExpress() throws IOException {
    assertRefused(UnsupportedModelException.class, "the pre-tokenizer 'qwen2' with ignore_merges has no name in GGUF",
        changed("qwen2", json -> json.replace("\"ignore_merges\":false", "\"ignore_merges\":true")));
  }

  @Test
  void rulesWithoutAName() throws IOException {
    assertRefused(UnsupportedModelException.class, "the pre-tokenizer 'numbers + gpt-2' has no name in GGUF",
        changed("smollm", json -> json.replace("\"individual_digits\":true", "\"individual_digits\":false")));
  }

  @Test
  void mergesThatAreNoScores() throws IOException {
    assertRefused(UnsupportedModelException.class, "cannot be written as scores",
        changed("llama2", json -> json.replaceFirst("(\"merges\":\\[)\\[[^\\]]*\\],", "$1")));
  }

  @Test
  void wordsThatAreMergedByThemselves() throws IOException {
    assertRefused(UnsupportedModelException.class, "is more than one word",
        changed("metaspace", json -> json.replace("\"split\":false", "\"split\":true")));
  }

  @Test
  void moreTokensThanRows() throws IOException {
    Path source = Fixtures.directory("gpt-2");
    MalformedFileException e = assertThrows(MalformedFileException.class, () -> write(source, 700));
    assertTrue(e.getMessage().contains("has 701 tokens, expected at most the 700 rows"), e.getMessage());
  }
}
