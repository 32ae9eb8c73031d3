package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModelConfig.Rope.Layout;
import dev.depths.loader.chat.ChatTemplate;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufModelTest {
  @TempDir Path directory;

  private Checkpoint open(GgufWriter writer) throws IOException {
    Path file = directory.resolve("tiny.gguf");
    writer.write(file);
    return Checkpoint.open(file);
  }

  private void assertRefused(String where, String problem, GgufWriter writer) {
    assertMalformed("tiny.gguf: " + where, problem, () -> open(writer).close());
  }

  private void assertNotSupported(String what, String detail, GgufWriter writer) {
    assertUnsupported("tiny.gguf: ", what + detail, () -> open(writer).close());
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "mistral", "mixtral", "qwen2", "qwen2moe", "qwen3", "qwen3moe"})
  void opensEachArchitecture(String architecture) throws IOException {
    try (Checkpoint checkpoint = open(TinyModel.gguf(architecture))) {
      ModelConfig config = checkpoint.config();
      assertEquals(architecture, config.architecture());
      assertEquals(TinyModel.BLOCKS, config.blocks());
      assertEquals(TinyModel.EMBEDDING, config.embedding());
      assertEquals(TinyModel.FEED_FORWARD, config.feedForward());
      assertEquals(TinyModel.HEADS, config.heads());
      assertEquals(TinyModel.KV_HEADS, config.kvHeads());
      assertEquals(TinyModel.HEAD_DIM, config.headDim());
      assertEquals(TinyModel.VOCABULARY, config.vocabulary());
      assertEquals(128, config.contextLength());
      assertEquals(1e-5f, config.rmsEpsilon());
      assertEquals(architecture.startsWith("qwen") ? Layout.HALVES : Layout.INTERLEAVED, config.rope().layout());
      assertArrayEquals(new float[] {1, 0.1f, 0.01f, 0.001f}, config.rope().inverseFrequencies());
      assertEquals(1, config.rope().magnitude());
      assertEquals(architecture.startsWith("qwen2"), config.qkvBias());
      assertEquals(architecture.startsWith("qwen3"), config.qkNorm());
      assertTrue(config.tiedEmbedding());
      assertEquals(TinyModel.shapes(architecture).keySet(), checkpoint.tensors().keySet());
      assertEquals(Optional.empty(), checkpoint.mod());
      assertEquals(Optional.empty(), checkpoint.tokenizer());
      assertEquals(Optional.empty(), checkpoint.chatTemplate());
    }
  }

  @Test
  void anOutputMatrixIsNotTied() throws IOException {
    float[] output = new float[TinyModel.VOCABULARY * TinyModel.EMBEDDING];
    try (Checkpoint checkpoint = open(
        TinyModel.gguf("llama").tensor("output.weight", output, TinyModel.VOCABULARY, TinyModel.EMBEDDING))) {
      assertFalse(checkpoint.config().tiedEmbedding());
    }
  }

  @Test
  void aVocabularyAloneOpensWhateverTheArchitecture() throws IOException {
    GgufWriter writer = new GgufWriter()
        .put("general.architecture", "falcon")
        .put("tokenizer.ggml.tokens", List.of("a", "b"));
    try (Checkpoint checkpoint = open(writer)) {
      assertEquals(Map.of(), checkpoint.tensors());
      assertEquals(List.of("a", "b"), checkpoint.metadata().get("tokenizer.ggml.tokens"));
      assertUnsupported("architecture \"falcon\" is not supported",
          "[llama, mistral, mixtral, qwen2, qwen2moe, qwen3, qwen3moe]", checkpoint::config);
    }
    try (Checkpoint checkpoint = open(
        TinyModel.metadata("llama").put("tokenizer.ggml.tokens", List.of("a", "b", "c")))) {
      assertEquals(3, checkpoint.config().vocabulary());
    }
  }

  @Test
  void tokenizerAndTemplateComeFromTheMetadata() throws IOException {
    List<String> tokens = List.of("<s>", "</s>", "a", "b", "c", "d", "e", "f", "g", "ab");
    GgufWriter writer = TinyModel.gguf("llama")
        .put("tokenizer.ggml.model", "gpt2").put("tokenizer.ggml.pre", "gpt-2")
        .put("tokenizer.ggml.tokens", tokens)
        .putArray("tokenizer.ggml.token_type", GgufType.INT32, List.of(3, 3, 1, 1, 1, 1, 1, 1, 1, 1))
        .put("tokenizer.ggml.merges", List.of("a b"))
        .put("tokenizer.ggml.bos_token_id", 0).put("tokenizer.ggml.eos_token_id", 1)
        .put("tokenizer.chat_template", "{{ bos_token }}{{ messages[0]['content'] }}{{ eos_token }}");
    try (Checkpoint checkpoint = open(writer)) {
      assertArrayEquals(new int[] {9, 4}, checkpoint.tokenizer().orElseThrow().encode("abc", false));
      assertSame(checkpoint.tokenizer(), checkpoint.tokenizer());
      assertEquals("<s>abc</s>",
          checkpoint.chatTemplate().orElseThrow().render(List.of(new ChatTemplate.Message("user", "abc")), false));
    }
    try (Checkpoint checkpoint = open(writer.put("tokenizer.chat_template", 1))) {
      assertMalformed("tiny.gguf: tokenizer.chat_template", "is 1, expected a string", checkpoint::chatTemplate);
    }
  }

  @Test
  void useAfterCloseIsAnException() throws IOException {
    Checkpoint checkpoint = open(TinyModel.gguf("llama").put("list", List.of("a")));
    Tensor tensor = checkpoint.tensors().get("output_norm.weight");
    checkpoint.close();
    checkpoint.close();
    assertThrows(IllegalStateException.class, tensor::toFloats);
    assertThrows(IllegalStateException.class, () -> ((List<?>) checkpoint.metadata().get("list")).get(0));
    assertThrows(IllegalStateException.class, checkpoint::sha256);
  }

  @Test
  void theHashIsThatOfTheFile() throws Exception {
    try (Checkpoint checkpoint = open(TinyModel.gguf("llama"))) {
      byte[] bytes = Files.readAllBytes(directory.resolve("tiny.gguf"));
      byte[] expected = MessageDigest.getInstance("SHA-256").digest(bytes);
      assertEquals(HexFormat.of().formatHex(expected), checkpoint.sha256());
    }
  }

  @Test
  void filesThatAreNoModels() throws IOException {
    Path missing = directory.resolve("missing.gguf");
    assertThrows(NoSuchFileException.class, () -> Checkpoint.open(missing));
    Path empty = Files.createFile(directory.resolve("empty.gguf"));
    assertMalformed("empty.gguf: offset 0", "needs 4 bytes, but only 0 remain", () -> Checkpoint.open(empty));
    assertMalformed("/dev/zero: offset 0", "is no regular file", () -> Checkpoint.open(Path.of("/dev/zero")));
    Path weights = directory.resolve("model.safetensors");
    assertUnsupported("model.safetensors: ", "open its directory", () -> Checkpoint.open(weights));
  }

  @Test
  void aCheckpointInMemoryIsCheckedToo() {
    GgufFile file = GgufFile.parse("tiny", MemorySegment.ofArray(TinyModel.gguf("llama").toBytes()));
    ModelConfig config = GgufConfig.read(new Metadata("tiny", file.metadata()), file.tensors());
    try (Checkpoint checkpoint = Checkpoint.of(config, file.tensors(), Optional.empty())) {
      assertEquals(config, checkpoint.config());
      assertEquals(file.tensors(), checkpoint.tensors());
      assertEquals("", checkpoint.sha256());
    }
    Map<String, Tensor> part = file.tensors().entrySet().stream()
        .filter(entry -> !entry.getKey().equals("blk.1.ffn_up.weight"))
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    assertMalformed("checkpoint in memory: tensor blk.1.ffn_up.weight", "is missing",
        () -> Checkpoint.of(config, part, Optional.empty()));
  }

  @Test
  void architecture() {
    assertRefused("general.architecture", "is missing",
        new GgufWriter().tensor("token_embd.weight", new float[1], 1));
    assertNotSupported("architecture \"gemma\" is not supported",
        "; supported are [llama, mistral, mixtral, qwen2, qwen2moe, qwen3, qwen3moe]", TinyModel.gguf("gemma"));
    assertRefused("general.architecture", "is 3, expected a string",
        TinyModel.gguf("llama").put("general.architecture", 3));
  }

  @ParameterizedTest
  @ValueSource(strings = {"block_count", "context_length", "embedding_length", "feed_forward_length",
      "attention.head_count", "attention.head_count_kv"})
  void countsAreSmallPositiveIntegers(String name) {
    String key = "llama." + name;
    assertRefused(key, "is 0, expected 1 to ", TinyModel.gguf("llama").put(key, 0));
    assertRefused(key, "is -1, expected 1 to ", TinyModel.gguf("llama").put(key, -1));
    assertRefused(key, "is 9223372036854775807, expected 1 to ", TinyModel.gguf("llama").put(key, Long.MAX_VALUE));
    assertRefused(key, "is 2.0, expected an integer", TinyModel.gguf("llama").put(key, 2f));
    assertRefused(key, "is \"2\", expected an integer", TinyModel.gguf("llama").put(key, "2"));
  }

  @ParameterizedTest
  @CsvSource({"attention.layer_norm_rms_epsilon, NaN", "attention.layer_norm_rms_epsilon, -1",
      "attention.layer_norm_rms_epsilon, Infinity", "rope.freq_base, NaN", "rope.freq_base, 0", "rope.freq_base, 1",
      "rope.freq_base, Infinity", "rope.scaling.factor, -1", "rope.scaling.factor, NaN",
      "rope.scaling.factor, 1e-20"})
  void realNumbersAreFiniteAndInRange(String name, float value) {
    assertRefused("llama." + name, "expected", TinyModel.gguf("llama").put("llama." + name, value));
  }

  @ParameterizedTest
  @ValueSource(strings = {"block_count", "context_length", "embedding_length", "feed_forward_length",
      "attention.head_count", "attention.layer_norm_rms_epsilon"})
  void missingHyperparameters(String name) {
    assertRefused("llama." + name, "is missing", TinyModel.gguf("llama").remove("llama." + name));
  }

  @Test
  void headCounts() throws IOException {
    assertRefused("llama.attention.head_count", "is 5, expected a divisor of the embedding's width 32",
        TinyModel.gguf("llama").put("llama.attention.head_count", 5).put("llama.attention.head_count_kv", 5));
    assertRefused("llama.attention.head_count_kv", "is 3, expected a divisor of 4",
        TinyModel.gguf("llama").put("llama.attention.head_count_kv", 3));
    assertNotSupported("llama.attention.value_length is 16 where keys have 8", ": values of another width",
        TinyModel.gguf("llama").put("llama.attention.value_length", 16));
    try (Checkpoint checkpoint = open(TinyModel.gguf("llama").put("llama.attention.head_count_kv", List.of(2, 2)))) {
      assertEquals(2, checkpoint.config().kvHeads());
    }
    assertNotSupported("llama.attention.head_count_kv differs from block to block", "",
        TinyModel.gguf("llama").put("llama.attention.head_count_kv", List.of(2, 4)));
    assertRefused("llama.attention.head_count_kv", "holds \"x\", expected integers",
        TinyModel.gguf("llama").put("llama.attention.head_count_kv", List.of("x")));
    assertRefused("llama.attention.head_count_kv", "is empty",
        TinyModel.gguf("llama").put("llama.attention.head_count_kv", List.of()));
  }

  @Test
  void ropeVariants() {
    assertNotSupported("llama.rope.dimension_count is 4 where a head has 8", "",
        TinyModel.gguf("llama").put("llama.rope.dimension_count", 4));
    assertNotSupported("llama.rope.scaling.type is \"longrope\"", "; supported are none, linear, yarn",
        TinyModel.gguf("llama").put("llama.rope.scaling.type", "longrope"));
    assertNotSupported("llama.rope.scaling.attn_factor", " is supported with YaRN only",
        TinyModel.gguf("llama").put("llama.rope.scaling.attn_factor", 2f));
    assertRefused("rope_freqs.weight", "has the shape [3], expected [4]",
        TinyModel.gguf("llama").tensor("rope_freqs.weight", new float[3], 3));
    assertRefused("rope_freqs.weight", "holds 0.0, expected",
        TinyModel.gguf("llama").tensor("rope_freqs.weight", new float[] {1, 1, 0, 1}, 4));
    assertRefused("rope_freqs.weight", "holds NaN, expected",
        TinyModel.gguf("llama").tensor("rope_freqs.weight", new float[] {1, 1, Float.NaN, 1}, 4));
  }

  @Test
  void ropeScalingIsFoldedIntoTheFrequencies() throws IOException {
    try (Checkpoint checkpoint = open(TinyModel.gguf("llama")
        .put("llama.rope.scaling.type", "linear").put("llama.rope.scaling.factor", 2f))) {
      assertArrayEquals(new float[] {0.5f, 0.05f, 0.005f, 0.0005f}, checkpoint.config().rope().inverseFrequencies());
    }
    try (Checkpoint checkpoint = open(TinyModel.gguf("llama").put("llama.rope.scale_linear", 2f))) {
      assertEquals(0.5f, checkpoint.config().rope().inverseFrequencies()[0]);
    }
    try (Checkpoint checkpoint = open(TinyModel.gguf("llama")
        .put("llama.rope.scaling.type", "none").put("llama.rope.scaling.factor", 2f))) {
      assertEquals(1, checkpoint.config().rope().inverseFrequencies()[0]);
    }
    try (Checkpoint checkpoint = open(
        TinyModel.gguf("llama").tensor("rope_freqs.weight", new float[] {1, 1, 2, 8}, 4))) {
      assertArrayEquals(new float[] {1, 0.1f, 0.005f, 0.000125f}, checkpoint.config().rope().inverseFrequencies());
    }
    try (Checkpoint checkpoint = open(TinyModel.gguf("qwen2")
        .put("qwen2.rope.scaling.type", "yarn").put("qwen2.rope.scaling.factor", 4f)
        .put("qwen2.rope.scaling.original_context_length", 32).put("qwen2.rope.scaling.attn_factor", 2f))) {
      assertEquals((float) (2 * (1 + 0.1 * Math.log(4))), checkpoint.config().rope().magnitude());
    }
  }

  @Test
  void theContextEndsWhereTheWindowWouldSlide() throws IOException {
    try (Checkpoint checkpoint = open(TinyModel.gguf("mistral").put("mistral.attention.sliding_window", 64))) {
      assertEquals(64, checkpoint.config().contextLength());
    }
  }

  @Test
  void vocabulary() {
    assertRefused("tokenizer.ggml.tokens", "has 2 tokens, expected one for each of the embedding's 10 rows",
        TinyModel.gguf("llama").put("tokenizer.ggml.tokens", List.of("a", "b")));
    assertRefused("tokenizer.ggml.tokens", "is \"a\", expected an array",
        TinyModel.gguf("llama").put("tokenizer.ggml.tokens", "a"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen2moe"})
  void eachTensorIsRequiredInItsShape(String architecture) {
    TinyModel.shapes(architecture).forEach((name, shape) -> {
      GgufFile whole = GgufFile.parse("x", MemorySegment.ofArray(TinyModel.gguf(architecture).toBytes()));
      GgufWriter without = TinyModel.metadata(architecture);
      whole.tensors().values().stream().filter(tensor -> !tensor.name().equals(name)).forEach(without::tensor);
      // The first query bias tells whether the model has biases: without it the others are one too many.
      if (name.equals("blk.0.attn_q.bias")) {
        assertNotSupported("tensor blk.0.attn_k.bias is not part of a " + architecture + " model", "", without);
      } else {
        assertRefused("tensor " + name, "is missing", without);
      }
      if (!name.equals("token_embd.weight")) {
        long[] wider = shape.clone();
        wider[0]++;
        assertRefused("tensor " + name, "has the shape [" + wider[0],
            TinyModel.gguf(architecture).tensor(name, new float[TinyModel.elements(wider)], wider));
      }
    });
  }

  @Test
  void unknownTensorsAreRefused() {
    assertNotSupported("tensor blk.0.attn_output.bias is not part of a llama model", "",
        TinyModel.gguf("llama").tensor("blk.0.attn_output.bias", new float[32], 32));
    assertNotSupported("tensor blk.2.attn_norm.weight is not part of a llama model", "",
        TinyModel.gguf("llama").tensor("blk.2.attn_norm.weight", new float[32], 32));
    assertNotSupported("blk.0.attn_q_norm.weight is present in a llama model", "",
        TinyModel.gguf("llama").tensor("blk.0.attn_q_norm.weight", new float[8], 8));
  }
}
