package dev.depths.loader.tokenizer;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.depths.loader.LoadException;
import java.io.IOException;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever the metadata, written as JSON, a tokenizer comes of it that keeps its promises on the text in it, or a
 * {@link LoadException}.
 */
class GgufTokenizerFuzzTest {
  private static final ObjectMapper MAPPER = new ObjectMapper().enable(DeserializationFeature.USE_LONG_FOR_INTS);

  static Stream<Arguments> seeds() throws JsonProcessingException {
    return Stream.of("""
        {"text": "ab <s>\\u00e9 123 it's", "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe",
         "tokenizer.ggml.tokens": ["a", "b", "\\u0120", "ab", "<s>", "<|im_end|>", "\\u00c3",
         "\\u00a9", "\\u00c3\\u00a9", "<x>", ""],
         "tokenizer.ggml.token_type": [1, 1, 1, 1, 3, 3, 1, 1, 1, 4, 5],
         "tokenizer.ggml.merges": ["a b", "\\u00c3 \\u00a9"],
         "tokenizer.ggml.bos_token_id": 4, "tokenizer.ggml.eos_token_id": 5,
         "tokenizer.ggml.add_eos_token": true}""", """
        {"text": "ab<s> \\ud83d\\ude00", "tokenizer.ggml.model": "llama", "tokenizer.ggml.add_space_prefix": true,
         "tokenizer.ggml.tokens": ["<unk>", "<s>", "</s>", "<0x00>", "<0xF0>", "\\u2581", "a", "b", "ab",
         "\\u2581ab", "<x>"],
         "tokenizer.ggml.scores": [0, 0, 0, 0, 0, -1, -2.5, -3, 1.5, 2, 0],
         "tokenizer.ggml.token_type": [2, 3, 3, 6, 6, 1, 1, 1, 1, 1, 4]}""", """
        {"text": "1234 $+~ x", "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "default",
         "tokenizer.ggml.tokens": ["1", "2", "12", "x"], "tokenizer.ggml.merges": ["1 2"]}""",
        MAPPER.writeValueAsString(Fixtures.byteLevelMetadata("smollm")),
        MAPPER.writeValueAsString(Fixtures.sentencePieceMetadata()))
            .map(text -> Arguments.of((Object) text.getBytes()));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void read(byte[] json) {
    try {
      @SuppressWarnings("unchecked")
      Map<String, Object> metadata = MAPPER.readValue(json, Map.class);
      if (metadata != null) {
        Object text = metadata.get("text");
        Promises.check(Tokenizers.fromGguf("fuzz.gguf", metadata), text instanceof String s ? s : "it's 12 é");
      }
    } catch (LoadException | IOException expected) {
      // What a malformed file is for.
    }
  }
}
