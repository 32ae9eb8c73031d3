package dev.depths.runtime;

import static dev.depths.runtime.Conversions.assertSame;

import dev.depths.loader.DType;
import dev.depths.loader.GgufWriter;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.ModelConfig.Rope;
import dev.depths.loader.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Converted models compute what their sources do. */
class ConversionTest {
  private static final TinyModel.Shape LLAMA =
      new TinyModel.Shape("llama", Rope.Layout.HALVES, 3, 64, 96, 4, 2, 16, 53, false);

  @TempDir
  private Path directory;
  private Path out;

  @BeforeEach
  void name() {
    out = directory.resolve("out.gguf");
  }

  private Path huggingFace(TinyModel model) throws IOException {
    Path target = Files.createDirectories(directory.resolve("model"));
    Safetensors.write(target.resolve("model.safetensors"), "", Conversions::huggingFaceName,
        List.copyOf(model.tensors().values()));
    Files.writeString(target.resolve("config.json"), Conversions.huggingFaceConfig(model.config().architecture(),
        model.config(), """
        , "mod": {"version": 1, "blocks": [1], "router": "linear", "selection": "threshold", "combine": "x+sigmoid(r)*f",
        "initial_tokens": 1}"""));
    return target;
  }

  private void convert(Path source, Path adapter, DType type) throws IOException {
    Conversions.convert(source, adapter, type, out);
  }

  private static float[][] logits(Path model, Path adapter, int... tokens) throws IOException {
    return Conversions.logits(model, adapter, Routing.model(), tokens);
  }

  private static TinyModel model(String shape, DType type) {
    return TinyModel.dense(switch (shape) {
      case "llama" -> LLAMA;
      case "mistral" -> TinyModel.HALVES;
      case "qwen2" -> TinyModel.QWEN2;
      default -> TinyModel.QWEN3;
    }, type, 1);
  }

  /** The rows' order apart, a GGUF file holds the same numbers: the logits are the same, bit for bit. */
  @ParameterizedTest
  @CsvSource({"llama, BF16", "llama, F32", "mistral, F16", "qwen2, BF16", "qwen3, F32"})
  void huggingFaceDirectories(String shape, DType type) throws IOException {
    TinyModel model = model(shape, type).routed(TinyModel.SIGMOID, 1, true, 1);
    Path source = huggingFace(model);
    int[] tokens = model.tokens(40, 2);
    float[][] expected = logits(source, null, tokens);
    convert(source, null, null);
    assertSame(expected, logits(out, null, tokens));
    convert(source, null, DType.F32);
    assertSame(expected, logits(out, null, tokens));
  }

  /** As close as the type is; a router's decision may flip, so the model is dense. */
  @ParameterizedTest
  @CsvSource({"F16, 1e-5", "BF16, 1e-3", "Q8_0, 0.01", "Q4_1, 0.4", "Q4_0, 0.4"})
  void smallerTypes(DType type, double bound) throws IOException {
    TinyModel model = TinyModel.dense(TinyModel.EVEN, 1);
    Path source = gguf(model);
    int[] tokens = model.tokens(40, 2);
    convert(source, null, type);
    Logits.assertClose(logits(source, null, tokens), logits(out, null, tokens), bound);
  }

  private Path gguf(TinyModel model) throws IOException {
    ModelConfig c = model.config();
    GgufWriter writer = new GgufWriter().put("general.architecture", "llama").put("llama.block_count", c.blocks())
        .put("llama.context_length", c.contextLength()).put("llama.embedding_length", c.embedding())
        .put("llama.feed_forward_length", c.feedForward()).put("llama.attention.head_count", c.heads())
        .put("llama.attention.head_count_kv", c.kvHeads()).put("llama.attention.key_length", c.headDim())
        .put("llama.attention.value_length", c.headDim()).put("llama.attention.layer_norm_rms_epsilon", c.rmsEpsilon());
    model.tensors().values().forEach(writer::tensor);
    Path file = directory.resolve("source.gguf");
    writer.write(file);
    return file;
  }

  /** Exact mode adds updates in f32 too: the same numbers in the same order. */
  @Test
  void mergedAdapters() throws IOException {
    TinyModel base = TinyModel.dense(TinyModel.EVEN, DType.Q4_0, 1);
    List<String> updated = List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down");
    List<Tensor> tensors = AdapterTest.tensors(base, updated);
    Path adapter = Safetensors.write(directory.resolve("adapter.safetensors"), """
        {"version": 1, "blocks": [1], "router": "linear", "selection": "threshold", "threshold": 0.5, "combine": "x+f",
        "initial_tokens": 2, "lora": {"rank": 3, "scale": 0.75}}""", name -> name, tensors);
    Path source = gguf(base);
    int[] tokens = base.tokens(40, 2);
    float[][] expected = logits(source, adapter, tokens);
    convert(source, adapter, DType.F32);
    assertSame(expected, logits(out, null, tokens));
    // An adapter's file is but another form of it.
    convert(adapter, null, null);
    assertSame(expected, logits(source, out, tokens));
  }
}
