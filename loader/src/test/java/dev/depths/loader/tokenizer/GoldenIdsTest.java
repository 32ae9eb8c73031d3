package dev.depths.loader.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.jupiter.api.Test;

/** Ids as Hugging Face's tokenizers and Google's sentencepiece give them, text by text. */
class GoldenIdsTest {
  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "smollm", "llama-bpe", "qwen2", "falcon", "default", "tekken", "gpt-4o"})
  void byteLevelFromHuggingFace(String name) {
    Tokenizer tokenizer = Tokenizers.fromHuggingFace(Fixtures.directory(name));
    checkIds(tokenizer, Fixtures.golden(name), true);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "smollm", "llama-bpe", "falcon", "default", "tekken", "gpt-4o"})
  void byteLevelFromGguf(String name) {
    Tokenizer tokenizer = Tokenizers.fromGguf(name, Fixtures.byteLevelMetadata(name));
    checkIds(tokenizer, Fixtures.golden(name), true);
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama2", "metaspace"})
  void characterLevelFromHuggingFace(String name) {
    checkIds(Tokenizers.fromHuggingFace(Fixtures.directory(name)), Fixtures.golden(name), true);
  }

  @Test
  void smolLm2FromGguf() {
    Tokenizer tokenizer = Tokenizers.fromGguf("smollm2", Fixtures.smolLm2Metadata());
    assertEquals(49152, tokenizer.size());
    for (Fixtures.Golden expected : Fixtures.golden("smollm2")) {
      assertArrayEquals(expected.ids(), tokenizer.encode(expected.text(), true), expected.text());
    }
  }

  @Test
  void sentencePieceFromGguf() {
    Tokenizer tokenizer = Tokenizers.fromGguf("sentencepiece", Fixtures.sentencePieceMetadata());
    checkIds(tokenizer, Fixtures.golden("sentencepiece"), false);
  }

  private static void checkIds(Tokenizer tokenizer, List<Fixtures.Golden> golden, boolean parseSpecial) {
    assertFalse(golden.isEmpty());
    for (Fixtures.Golden expected : golden) {
      assertArrayEquals(expected.ids(), tokenizer.encode(expected.text(), parseSpecial), expected.text());
      if (parseSpecial) {
        assertArrayEquals(expected.special(), tokenizer.encode(expected.text(), true, true), expected.text());
      }
    }
  }
}
