package dev.depths.loader.tokenizer;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.depths.loader.LoadException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever the text of tokenizer.json, a tokenizer that keeps its promises comes of it, or a {@link LoadException}. */
class HuggingFaceTokenizerFuzzTest {
  private static Path directory;

  @BeforeAll
  static void makeDirectory() throws IOException {
    directory = Files.createTempDirectory("tokenizer-fuzz");
  }

  @AfterAll
  static void removeDirectory() throws IOException {
    Files.deleteIfExists(directory.resolve("tokenizer.json"));
    Files.delete(directory);
  }

  static Stream<Arguments> seeds() throws IOException {
    String small = """
        {"added_tokens": [{"id": 4, "content": "<s>", "special": true, "lstrip": true, "rstrip": true}],
         "normalizer": %s, "pre_tokenizer": %s, "decoder": {"type": "ByteLevel"},
         "post_processor": {"type": "TemplateProcessing",
          "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]},
         "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<s>", "ignore_merges": true,
          "vocab": {"a": 0, "b": 1, "ab": 2, "<0x20>": 3}, "merges": [["a", "b"]]}}""";
    return Stream.of(
        small.formatted("{\"type\": \"NFC\"}", "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", "
            + "\"individual_digits\": true}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false}]}"),
        small.formatted("null", "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"first\", "
            + "\"split\": true}"),
        Files.readString(Fixtures.directory("llama-bpe").resolve("tokenizer.json")),
        Files.readString(Fixtures.directory("llama2").resolve("tokenizer.json")))
        .map(text -> Arguments.of((Object) text.getBytes(StandardCharsets.UTF_8)));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void read(byte[] text) throws IOException {
    Files.write(directory.resolve("tokenizer.json"), text);
    try {
      Promises.check(Tokenizers.fromHuggingFace(directory), "ab <s> it's 12 \u00e9\ud83d\ude00<|im_end|>\u2581");
    } catch (LoadException expected) {
      // What a malformed file is for.
    }
  }
}
