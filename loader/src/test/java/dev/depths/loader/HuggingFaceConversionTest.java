package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModelConfig.Rope.Layout;
import dev.depths.loader.chat.ChatTemplate.Message;
import dev.depths.loader.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Hugging Face directories to GGUF: what is read back is what was read, but for the order of query and key rows. */
class HuggingFaceConversionTest {
  private static final int VOCABULARY = 710;

  @TempDir
  private Path directory;
  private Path model;
  private Path out;
  private final Map<String, float[]> values = new LinkedHashMap<>();

  @BeforeEach
  void create() throws IOException {
    model = Files.createDirectory(directory.resolve("Tiny Model"));
    out = directory.resolve("out.gguf");
  }

  private void write(String architecture, boolean bias, DType type, String more) throws IOException {
    Map<String, long[]> shapes = TinyModel.shapes(architecture);
    shapes.put("token_embd.weight", new long[] {VOCABULARY, 32});
    for (int block = 0; bias && block < 2; block++) {
      shapes.put("blk." + block + ".attn_q.bias", new long[] {32});
      shapes.put("blk." + block + ".attn_k.bias", new long[] {16});
      shapes.put("blk." + block + ".attn_v.bias", new long[] {16});
    }
    SafetensorsWriter writer = new SafetensorsWriter();
    Random random = new Random(3);
    shapes.forEach((name, shape) -> {
      float[] tensor = new float[(int) (shape.length == 1 ? shape[0] : shape[0] * shape[1])];
      for (int i = 0; i < tensor.length; i++) {
        // Few digits, so that every type holds the value.
        tensor[i] = random.nextInt(-64, 64) / 32f;
      }
      values.put(name, tensor);
      writer.tensor(HuggingFaceTensors.theirName("llama", name), type, tensor, shape);
    });
    writer.tensor("model.layers.1.mod_router.weight", type, new float[32], 1, 32)
        .tensor("model.layers.1.mod_bypass_a.weight", type, new float[64], 2, 32)
        .tensor("model.layers.1.mod_bypass_b.weight", type, new float[64], 32, 2);
    writer.write(model.resolve("model.safetensors"));
    Files.writeString(model.resolve("config.json"), """
        {"model_type": "%s", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
         "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 128,
         "vocab_size": 710, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "mod": {"version": 1, "blocks": [1],
         "capacity": [0.5], "router": "linear", "selection": "topk", "combine": "x+r*f", "bypass": "lowrank"}%s}"""
        .formatted(architecture, more));
  }

  private List<String> convert(DType type) throws IOException {
    try (GgufConversion conversion = GgufConversion.open(model, Optional.empty(), Optional.ofNullable(type))) {
      conversion.write(out, done -> {});
      return conversion.notes();
    }
  }

  @ParameterizedTest
  @CsvSource({"llama, true, BF16", "llama, false, F32", "mistral, false, F16", "qwen2, true, BF16", "qwen3, false, F32"})
  void everyArchitecture(String architecture, boolean bias, DType type) throws IOException {
    write(architecture, bias, type, "");
    assertEquals(List.of("there is no tokenizer.json, so that the file has no tokenizer"), convert(null));
    byte[] first = Files.readAllBytes(out);
    convert(null);
    assertArrayEquals(first, Files.readAllBytes(out));
    boolean turned = !architecture.startsWith("qwen");
    try (Checkpoint before = Checkpoint.open(model); Checkpoint after = Checkpoint.open(out)) {
      assertSameConfig(before.config(), after.config());
      assertEquals(turned ? "llama" : architecture, after.config().architecture());
      assertEquals(turned ? Layout.INTERLEAVED : Layout.HALVES, after.config().rope().layout());
      assertEquals(before.mod(), after.mod());
      assertEquals("Tiny Model", after.metadata().get("general.name"));
      assertEquals(switch (type) {
        case F32 -> 0L;
        case F16 -> 1L;
        default -> 32L;
      }, after.metadata().get("general.file_type"));
      assertEquals(before.tensors().keySet(), after.tensors().keySet());
      values.forEach((name, expected) -> {
        Tensor tensor = after.tensors().get(name);
        assertEquals(tensor.shape().size() > 1 ? type : DType.F32, tensor.type(), name);
        boolean reordered = turned && (name.contains("attn_q.") || name.contains("attn_k."));
        assertArrayEquals(reordered ? interleaved(expected, tensor.shape().size() > 1 ? 32 : 1) : expected,
            tensor.toFloats(), name);
      });
      assertEquals(DType.F32, after.tensors().get("blk.1.mod_router.weight").type());
      assertEquals(type, after.tensors().get("blk.1.mod_bypass_b.weight").type());
    }
  }

  /** Rows of heads of 8: 0, 4, 1, 5, ... */
  private static float[] interleaved(float[] rows, int columns) {
    float[] turned = new float[rows.length];
    for (int head = 0; head < rows.length / columns / 8; head++) {
      for (int pair = 0; pair < 4; pair++) {
        for (int side = 0; side < 2; side++) {
          System.arraycopy(rows, (8 * head + 4 * side + pair) * columns, turned, (8 * head + 2 * pair + side) * columns,
              columns);
        }
      }
    }
    return turned;
  }

  /** Asserts that all but architecture and layout is the same. */
  static void assertSameConfig(ModelConfig before, ModelConfig after) {
    assertEquals(before.blocks(), after.blocks());
    assertEquals(before.embedding(), after.embedding());
    assertEquals(before.feedForward(), after.feedForward());
    assertEquals(before.heads(), after.heads());
    assertEquals(before.kvHeads(), after.kvHeads());
    assertEquals(before.headDim(), after.headDim());
    assertEquals(before.vocabulary(), after.vocabulary());
    assertEquals(before.contextLength(), after.contextLength());
    assertEquals(before.rmsEpsilon(), after.rmsEpsilon());
    assertEquals(before.qkvBias(), after.qkvBias());
    assertEquals(before.qkNorm(), after.qkNorm());
    assertEquals(before.tiedEmbedding(), after.tiedEmbedding());
    assertEquals(before.experts(), after.experts());
    assertEquals(before.rope().magnitude(), after.rope().magnitude(), 1e-6f);
    for (int i = 0; i < before.rope().inverseFrequencies().length; i++) {
      float frequency = before.rope().inverseFrequencies()[i];
      assertEquals(frequency, after.rope().inverseFrequencies()[i], 2e-7f * frequency);
    }
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "'rope_type': 'linear', 'factor': 4.0",
      "'rope_type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 64",
      "'type': 'yarn', 'factor': 2.5, 'beta_fast': 16, 'beta_slow': 2, 'attention_factor': 1.25",
      "'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,"
          + " 'original_max_position_embeddings': 64"})
  void scaledRope(String scaling) throws IOException {
    write("llama", false, DType.F32, ", 'rope_scaling': {%s}".formatted(scaling).replace('\'', '"'));
    convert(null);
    try (Checkpoint before = Checkpoint.open(model); Checkpoint after = Checkpoint.open(out)) {
      assertSameConfig(before.config(), after.config());
      assertEquals(scaling.contains("llama3"), after.tensors().containsKey("rope_freqs.weight"));
    }
  }

  /** Beyond a window's length attention is not what the file would say. */
  @Test
  void slidingWindow() throws IOException {
    write("mistral", false, DType.F32, ", \"sliding_window\": 100");
    convert(null);
    try (Checkpoint after = Checkpoint.open(out)) {
      assertEquals(100, after.config().contextLength());
    }
  }

  @Test
  void tokenizerAndTemplate() throws Exception {
    write("llama", false, DType.BF16, "");
    Path fixture = Path.of(getClass().getResource("/tokenizer/smollm/tokenizer.json").toURI());
    Files.copy(fixture, model.resolve("tokenizer.json"));
    Files.writeString(model.resolve("tokenizer_config.json"),
        "{\"bos_token\": \"<|im_start|>\", \"eos_token\": \"<|im_end|>\", \"chat_template\": \"{{ bos_token }}!\"}");
    assertEquals(List.of(), convert(DType.Q4_0));
    try (Checkpoint before = Checkpoint.open(model); Checkpoint after = Checkpoint.open(out)) {
      Tokenizer tokenizer = after.tokenizer().orElseThrow();
      String text = "<|im_start|>The lighthouse keeper, 1999";
      assertArrayEquals(before.tokenizer().orElseThrow().encode(text, true, true), tokenizer.encode(text, true, true));
      assertEquals(VOCABULARY, tokenizer.size());
      assertEquals("<|im_start|>!", after.chatTemplate().orElseThrow().render(List.of(new Message("user", "Hi")), false));
      assertEquals(DType.Q4_0, after.tensors().get("token_embd.weight").type());
      assertEquals(2L, after.metadata().get("general.file_type"));
    }
  }

  /** No file of the directory is written over, whatever it is. */
  @Test
  void filesOfTheDirectory() throws IOException {
    write("llama", false, DType.F32, "");
    List<String> names = new ArrayList<>(List.of("config.json", "model.safetensors"));
    try (GgufConversion conversion = GgufConversion.open(model, Optional.empty(), Optional.empty())) {
      for (String name : names) {
        FileSystemException e =
            assertThrows(FileSystemException.class, () -> conversion.write(model.resolve(name), done -> {}));
        assertTrue(e.getMessage().endsWith("is part of what is converted"), e.getMessage());
      }
      conversion.write(model.resolve("model.gguf"), done -> {});
    }
    Checkpoint.open(model.resolve("model.gguf")).close();
  }

  /** An adapter's query and key rows are in GGUF's order, which is not the directory's. */
  @Test
  void adaptersOfRowsInAnotherOrder() throws IOException {
    write("llama", false, DType.F32, "");
    String config = Files.readString(model.resolve("config.json"));
    Files.writeString(model.resolve("config.json"), config.substring(0, config.indexOf(", \"mod\"")) + "}");
    Path adapter = directory.resolve("adapter.safetensors");
    new SafetensorsWriter().metadata("mod", "{\"version\": 1, \"blocks\": [0], \"router\": \"linear\", \"selection\": "
            + "\"threshold\", \"combine\": \"x+f\", \"lora\": {\"rank\": 1, \"scale\": 1}}")
        .tensor("blk.0.mod_router.weight", DType.F32, new float[32], 1, 32)
        .tensor("blk.0.attn_q.lora_a", DType.F32, new float[32], 1, 32)
        .tensor("blk.0.attn_q.lora_b", DType.F32, new float[32], 32, 1).write(adapter);
    SafetensorsWriter dense = new SafetensorsWriter();
    TinyModel.shapes("llama").forEach((name, shape) -> dense.tensor(HuggingFaceTensors.theirName("llama", name), DType.F32,
        values.get(name), values.get(name).length == VOCABULARY * 32 ? new long[] {VOCABULARY, 32} : shape));
    dense.write(model.resolve("model.safetensors"));
    Refusals.assertUnsupported("adapter.safetensors", "whose rows are in another order",
        () -> GgufConversion.open(model, Optional.of(adapter), Optional.empty()));
  }
}
