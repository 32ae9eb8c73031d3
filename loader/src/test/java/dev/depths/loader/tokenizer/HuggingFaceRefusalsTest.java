package dev.depths.loader.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.LoadException;
import dev.depths.loader.MalformedFileException;
import dev.depths.loader.UnsupportedModelException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Directories of Hugging Face's kind that are malformed or ask for what is not supported, and the settings that are.
 */
class HuggingFaceRefusalsTest {
  private static final String MODEL = """
      {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "c": 3, "Ġ": 4}, "merges": ["a b"]}""";
  private static final String BYTE_LEVEL = """
      {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}""";
  private static final String SPECIAL = """
      [{"id": 5, "content": "<s>", "special": true}, {"id": 6, "content": "</s>", "special": true, "lstrip": true,
        "rstrip": true}, {"id": 7, "content": "<x>", "special": false}]""";

  @TempDir
  private Path directory;

  private Tokenizer read(String tokenizer) {
    return read("tokenizer.json", tokenizer);
  }

  private Tokenizer read(String file, String text) {
    try {
      Files.writeString(directory.resolve(file), text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Tokenizers.fromHuggingFace(directory);
  }

  private static String json(String model, String preTokenizer, String more) {
    return "{\"added_tokens\": " + SPECIAL + ", \"model\": " + model + ", \"pre_tokenizer\": " + preTokenizer + more
        + "}";
  }

  private void malformed(String tokenizer, String... expected) {
    check(assertThrows(MalformedFileException.class, () -> read(tokenizer), tokenizer), expected);
  }

  private void unsupported(String tokenizer, String... expected) {
    check(assertThrows(UnsupportedModelException.class, () -> read(tokenizer), tokenizer), expected);
  }

  private static void check(LoadException e, String... expected) {
    assertEquals(1, e.getMessage().lines().count());
    for (String part : expected) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  @Test
  void readsWhatIsRight() {
    Tokenizer tokenizer = read(json(MODEL, BYTE_LEVEL, ""));
    assertArrayEquals(new int[] {2, 3}, tokenizer.encode("abc", true));
    assertEquals(8, tokenizer.size());
    assertEquals(-1, tokenizer.bos());
  }

  @Test
  void specialTokensTakeWhiteSpaceAsTheirFlagsSay() {
    Tokenizer tokenizer = read(json(MODEL, BYTE_LEVEL, ""));
    assertArrayEquals(new int[] {0, 6, 1}, tokenizer.encode("a \n</s>\t b", true));
    assertArrayEquals(new int[] {0, 4, 5, 4, 1}, tokenizer.encode("a <s> b", true));
    assertArrayEquals(new int[] {0, 7, 1}, tokenizer.encode("a<x>b", false));
  }

  @Test
  void rolesComeFromTheConfigurationFiles() {
    read(json(MODEL, BYTE_LEVEL, ""));
    read("tokenizer_config.json", "{\"bos_token\": {\"content\": \"<s>\"}, \"eos_token\": \"</s>\"}");
    Tokenizer tokenizer = read("generation_config.json", "{\"eos_token_id\": [6, 3]}");
    assertEquals(5, tokenizer.bos());
    assertEquals(6, tokenizer.eos());
    assertEquals(Set.of(3, 6), tokenizer.endOfGeneration());
    assertArrayEquals(new int[] {0}, tokenizer.encode("a", true, true));
    tokenizer = read("tokenizer_config.json",
        "{\"bos_token\": \"<s>\", \"add_bos_token\": true, \"tokenizer_class\": \"LlamaTokenizerFast\"}");
    assertArrayEquals(new int[] {5, 0}, tokenizer.encode("a", true, true));
    tokenizer = read("config.json", "{\"eos_token_id\": 1, \"bos_token_id\": 3}");
    assertEquals(Set.of(3, 6, 1), tokenizer.endOfGeneration());
  }

  @Test
  void rolesThatAreNotInTheVocabulary() {
    read(json(MODEL, BYTE_LEVEL, ""));
    check(assertThrows(MalformedFileException.class,
        () -> read("tokenizer_config.json", "{\"eos_token\": \"<gone>\"}")), "tokenizer_config.json", "<gone>");
    read("tokenizer_config.json", "{}");
    for (String id : new String[] {"8", "-1", "\"x\"", "[1, 99]", "99999999999999999999", "[[1]]", "1.5"}) {
      check(assertThrows(MalformedFileException.class,
          () -> read("generation_config.json", "{\"eos_token_id\": " + id + "}")), "generation_config.json",
              "eos_token_id");
    }
  }

  @Test
  void filesThatAreNoJson() {
    for (String text : new String[] {"", "[]", "{", "{\"model\": ", "nonsense", "{}{}",
        "{\"model\": {\"vocab\": {\"a\": 0}",
        "[".repeat(10_000), "{\"a\":".repeat(10_000), "{\"normalizer\": " + "[".repeat(100) + "]".repeat(100) + "}"}) {
      malformed(text, "tokenizer.json");
    }
  }

  @Test
  void filesInOtherEncodings() throws IOException {
    for (Charset encoding : new Charset[] {StandardCharsets.UTF_16, Charset.forName("UTF-32"),
        StandardCharsets.UTF_16LE}) {
      Files.write(directory.resolve("tokenizer.json"), json(MODEL, BYTE_LEVEL, "").getBytes(encoding));
      assertThrows(MalformedFileException.class, () -> Tokenizers.fromHuggingFace(directory));
    }
    Files.write(directory.resolve("tokenizer.json"), new byte[] {0, 0, 0, '{', 'e', 'k', 'n', 't'});
    assertThrows(MalformedFileException.class, () -> Tokenizers.fromHuggingFace(directory));
  }

  @Test
  void vocabulariesThatContradictThemselves() {
    malformed("{}", "model.vocab");
    malformed(json("{\"vocab\": {}, \"merges\": []}", BYTE_LEVEL, ""), "model.vocab");
    malformed(json("{\"vocab\": {\"a\": \"x\"}}", BYTE_LEVEL, ""), "an integer");
    malformed(json("{\"vocab\": {\"a\": -1}}", BYTE_LEVEL, ""), "-1");
    malformed(json("{\"vocab\": {\"a\": 2000000000}}", BYTE_LEVEL, ""), "2000000000");
    malformed(json("{\"vocab\": {\"a\": 99999999999999}}", BYTE_LEVEL, ""), "99999999999999");
    malformed(json("{\"vocab\": {\"a\": 0, \"b\": 0}}", BYTE_LEVEL, ""), "both");
    malformed(json("{\"vocab\": {\"a\": 0, \"a\": 1}}", BYTE_LEVEL, ""), "already token");
    malformed(json("{\"vocab\": {\"a\": 5}}", BYTE_LEVEL, ""), "both");
    for (String merges : new String[] {"[\"ab\"]", "[\"a x\"]", "[\"a a\"]", "[[\"a\"]]", "[[\"a\", \"b\", \"c\"]]",
        "[3]",
        "[[1, 2]]", "[\"\"]"}) {
      malformed(
          json("{\"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": " + merges + "}", BYTE_LEVEL, ""));
    }
    malformed(json(MODEL, BYTE_LEVEL, "").replace("\"id\": 5", "\"id\": -5"), "added_tokens[0]");
    malformed(json(MODEL, BYTE_LEVEL, "").replace("\"id\": 5", "\"id\": \"5\""), "added_tokens[0]");
    malformed(json(MODEL, BYTE_LEVEL, "").replace("\"<s>\"", "\"\""), "content");
    malformed(json(MODEL, BYTE_LEVEL, "").replace("\"<s>\"", "\"\\ud83d\""), "content");
  }

  @Test
  void partsThatAreNotSupported() {
    unsupported(json("{\"type\": \"Unigram\", \"vocab\": [[\"a\", 1.5]]}", BYTE_LEVEL, ""), "Unigram");
    unsupported(json("{\"type\": \"WordPiece\", \"vocab\": {\"a\": 1}}", BYTE_LEVEL, ""), "WordPiece");
    unsupported(json(MODEL, "{\"type\": \"Whitespace\"}", ""), "Whitespace");
    unsupported(json(MODEL, "null", ""), "neither");
    unsupported(
        json(MODEL, BYTE_LEVEL.replace("\"add_prefix_space\": false", "\"add_prefix_space\": true"), ""), "ByteLevel");
    unsupported(json(MODEL, "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", "
        + "\"pattern\": {\"Regex\": \"a+\\nb\"}, \"behavior\": \"Isolated\"}]}", ""), "'a+\\nb'");
    unsupported(json(MODEL, "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\p{N}\"}, "
        + "\"behavior\": \"Removed\", \"invert\": false}", ""), "Split");
    for (String type : new String[] {"NFKC", "Lowercase", "Strip", "Precompiled"}) {
      unsupported(
          json(MODEL, BYTE_LEVEL, ", \"normalizer\": {\"type\": \"" + type + "\"}"), type);
    }
    unsupported(
        json(MODEL, BYTE_LEVEL, ", \"normalizer\": {\"type\": \"Prepend\", \"prepend\": \"x\"}"), "Prepend");
    unsupported(json(MODEL, BYTE_LEVEL, ", \"decoder\": {\"type\": \"WordPiece\"}"), "WordPiece");
    unsupported(json(MODEL, BYTE_LEVEL, "").replace("\"lstrip\": true", "\"single_word\": true"),
        "single_word");
    unsupported(
        json(MODEL.replace("\"type\": \"BPE\"", "\"continuing_subword_prefix\": \"##\""), BYTE_LEVEL, ""),
            "continuing_subword_prefix");
  }

  @Test
  void settingsOfTheWrongType() {
    malformed(json(MODEL, "[]", ""), "pre_tokenizer", "an object");
    malformed(json(MODEL, BYTE_LEVEL, ", \"normalizer\": 5"), "normalizer", "an object");
    malformed(json(MODEL, BYTE_LEVEL.replace("true", "1"), ""), "use_regex", "true or false");
    malformed(json(MODEL, "{\"type\": \"Sequence\", \"pretokenizers\": {}}", ""), "an array");
    malformed(json(MODEL, "{\"type\": \"Sequence\", \"pretokenizers\": [7]}", ""), "an object");
    malformed(json(MODEL, BYTE_LEVEL, ", \"post_processor\": {\"type\": \"TemplateProcessing\", "
        + "\"single\": [{\"SpecialToken\": {\"id\": \"<gone>\"}}]}"), "<gone>");
    malformed(
        "{\"added_tokens\": {}, \"model\": " + MODEL + ", \"pre_tokenizer\": " + BYTE_LEVEL + "}", "added_tokens");
  }

  @Test
  void filesThatAreNotThere() {
    assertThrows(UncheckedIOException.class, () -> Tokenizers.fromHuggingFace(directory.resolve("gone")));
    assertFalse(Files.exists(directory.resolve("gone")));
  }
}
