package dev.depths.loader.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.LoadException;
import dev.depths.loader.MalformedFileException;
import dev.depths.loader.UnsupportedModelException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** GGUF vocabularies that contradict themselves, each refused with the key and what is wrong with it. */
class RefusedVocabulariesTest {
  private static final String TOKENS = "tokenizer.ggml.tokens";
  private static final String TYPES = "tokenizer.ggml.token_type";
  private static final String SCORES = "tokenizer.ggml.scores";
  private static final String MERGES = "tokenizer.ggml.merges";

  private static void refused(Class<? extends LoadException> type, Map<String, Object> metadata, String... expected) {
    LoadException e = assertThrows(type, () -> Tokenizers.fromGguf("bad.gguf", metadata));
    assertEquals(1, e.getMessage().lines().count());
    assertTrue(e.getMessage().startsWith("bad.gguf: "), e.getMessage());
    for (String part : expected) {
      assertTrue(e.getMessage().contains(part), e.getMessage());
    }
  }

  private static void malformed(Consumer<Map<String, Object>> change, String... expected) {
    Map<String, Object> metadata = Fixtures.byteLevelMetadata("gpt-2");
    change.accept(metadata);
    refused(MalformedFileException.class, metadata, expected);
  }

  private static void malformedSentencePiece(Consumer<Map<String, Object>> change, String... expected) {
    Map<String, Object> metadata = Fixtures.sentencePieceMetadata();
    change.accept(metadata);
    refused(MalformedFileException.class, metadata, expected);
  }

  @SuppressWarnings("unchecked")
  private static List<Object> list(Map<String, Object> metadata, String key) {
    return (List<Object>) metadata.get(key);
  }

  @Test
  void modelsAndPreTokenizersThatAreNotKnown() {
    Map<String, Object> metadata = Fixtures.byteLevelMetadata("gpt-2");
    metadata.put("tokenizer.ggml.pre", "future-bpe");
    refused(UnsupportedModelException.class, metadata, "'future-bpe'", "tokenizer.ggml.pre");
    metadata.put("tokenizer.ggml.model", "bert");
    refused(UnsupportedModelException.class, metadata, "'bert'", "tokenizer.ggml.model");
    metadata.put("tokenizer.ggml.model", "x\n".repeat(1000));
    refused(UnsupportedModelException.class, metadata, "...");
  }

  @Test
  void missingKeys() {
    malformed(m -> m.remove("tokenizer.ggml.model"), "tokenizer.ggml.model", "missing");
    malformed(m -> m.remove(TOKENS), TOKENS, "missing");
    malformed(m -> m.remove(MERGES), MERGES, "missing");
  }

  @Test
  void valuesOfTheWrongType() {
    malformed(m -> m.put("tokenizer.ggml.model", 1L), "tokenizer.ggml.model", "a string");
    malformed(m -> m.put("tokenizer.ggml.pre", List.of()), "tokenizer.ggml.pre", "a string");
    malformed(m -> m.put(TOKENS, "abc"), TOKENS, "an array");
    malformed(m -> list(m, TOKENS).set(4, 1L), TOKENS + "[4]", "a string");
    malformed(m -> list(m, TOKENS).set(4, null), TOKENS + "[4]", "a string");
    malformed(m -> m.put(MERGES, 3.5f), MERGES, "an array");
    malformed(m -> list(m, MERGES).set(7, 1L), MERGES + "[7]", "a string");
    malformed(m -> list(m, TYPES).set(3, "1"), TYPES + "[3]", "an integer");
    malformed(m -> m.put("tokenizer.ggml.bos_token_id", "1"), "tokenizer.ggml.bos_token_id", "a token id");
    malformed(m -> m.put("tokenizer.ggml.eos_token_id", 1.5f), "tokenizer.ggml.eos_token_id", "a token id");
    malformed(m -> m.put("tokenizer.ggml.add_bos_token", 1L), "tokenizer.ggml.add_bos_token", "true or false");
    malformedSentencePiece(m -> list(m, SCORES).set(2, "x"), SCORES + "[2]", "a number");
    malformedSentencePiece(m -> list(m, SCORES).set(2, Float.NaN), SCORES + "[2]");
    malformedSentencePiece(m -> m.put("tokenizer.ggml.add_space_prefix", "no"), "add_space_prefix", "true or false");
  }

  @Test
  void lengthsThatDisagree() {
    malformed(m -> list(m, TYPES).removeLast(), TYPES, "one for each");
    malformed(m -> list(m, TYPES).add(1L), TYPES, "one for each");
    malformedSentencePiece(m -> list(m, SCORES).removeLast(), SCORES, "one for each");
    malformed(m -> m.put(TOKENS, List.of()), TOKENS, "0 tokens");
  }

  @Test
  void specialTokensOutsideTheVocabulary() {
    for (String key : List.of("bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id")) {
      for (long id : new long[] {-1, 100_000, Long.MAX_VALUE, Long.MIN_VALUE, 0xFFFFFFFFL}) {
        malformed(m -> m.put("tokenizer.ggml." + key, id), key, Long.toString(id));
      }
    }
    malformedSentencePiece(m -> m.put("tokenizer.ggml.unknown_token_id", 5000L), "unknown_token_id", "5000");
  }

  @Test
  void tokensToAddThatAreNotNamed() {
    malformed(m -> {
      m.remove("tokenizer.ggml.bos_token_id");
      m.put("tokenizer.ggml.add_bos_token", true);
    }, "add_bos_token", "bos_token_id");
    malformed(m -> {
      m.remove("tokenizer.ggml.eos_token_id");
      m.put("tokenizer.ggml.add_eos_token", true);
    }, "add_eos_token", "eos_token_id");
  }

  @Test
  void piecesThatOccurTwice() {
    malformed(m -> list(m, TOKENS).set(20, list(m, TOKENS).get(30)), TOKENS + "[30]", "already token 20");
  }

  @Test
  void emptyPiecesArePadding() {
    Map<String, Object> metadata = Fixtures.byteLevelMetadata("gpt-2");
    Collections.addAll(list(metadata, TOKENS), "", "");
    Collections.addAll(list(metadata, TYPES), 5L, 1L);
    Tokenizer tokenizer = Tokenizers.fromGguf("padded", metadata);
    assertEquals("", tokenizer.decode(new int[] {tokenizer.size() - 1, tokenizer.size() - 2}, true));
  }

  @Test
  void mergesOfUnknownPieces() {
    malformed(m -> list(m, MERGES).set(5, "☃ a"), MERGES + "[5]", "☃");
    malformed(m -> list(m, MERGES).set(5, "a ☃"), MERGES + "[5]", "☃");
    malformed(m -> list(m, MERGES).set(5, "~ ~"), MERGES + "[5]", "becomes");
    for (String merge : List.of("", " ", "ab", " a", "a ")) {
      malformed(m -> list(m, MERGES).set(0, merge), MERGES + "[0]");
    }
  }

  @Test
  void specialTokensThatAreTooLong() {
    malformed(m -> {
      list(m, TOKENS).set(0, "x".repeat(600));
      list(m, TYPES).set(0, 4L);
    }, TOKENS + "[0]", "600 characters");
  }

  @Test
  void byteTokensThatAreNone() {
    malformedSentencePiece(m -> list(m, TOKENS).set(10, "<0xZZ>"), TOKENS + "[10]", "<0xZZ>");
  }

  @Test
  void vocabulariesThatAreTooLarge() {
    malformed(m -> m.put(TOKENS, Collections.nCopies(3_000_000, "a")), TOKENS, "3000000");
    malformed(m -> m.put(MERGES, Collections.nCopies(3_000_000, "a b")), MERGES, "3000000");
    malformed(m -> {
      m.put(TOKENS, Collections.nCopies(1000, "a".repeat(1_000_000)));
      m.put(TYPES, new ArrayList<>(Collections.nCopies(1000, 1L)));
    }, TOKENS, "characters in all");
  }
}
