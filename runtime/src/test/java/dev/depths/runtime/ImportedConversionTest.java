package dev.depths.runtime;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Unit;
import dev.depths.loader.ModelConfig;
import dev.depths.loader.ModelConfig.Rope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Directories of training codes compute as GGUF files what they do as they are, under the rule they were trained with. */
class ImportedConversionTest {
  private static final Map<String, String> LLAMA2 = Map.of("attn_norm", "attention_norm", "attn_q", "attention.wq",
      "attn_k", "attention.wk", "attn_v", "attention.wv", "attn_output", "attention.wo", "ffn_norm", "ffn_norm",
      "ffn_gate", "feed_forward.w1", "ffn_down", "feed_forward.w2", "ffn_up", "feed_forward.w3");
  private static final Map<String, String> DLLM_ROUTER =
      Map.of("mod_router_up", "linear_1", "mod_router_norm", "norm", "mod_router_down", "linear_2");
  private static final Map<String, String> OHARA = Map.ofEntries(Map.entry("attn_norm", "norm1"),
      Map.entry("attn_q", "attn.key"), Map.entry("attn_k", "attn.query"), Map.entry("attn_v", "attn.value"),
      Map.entry("attn_output", "attn.proj"), Map.entry("ffn_norm", "norm2"), Map.entry("ffn_gate", "ff.gate"),
      Map.entry("ffn_up", "ff.up"), Map.entry("ffn_down", "ff.down"));
  private static final Map<String, String> OHARA_ROUTER = Map.of(
      "mod_router", "router", "mod_predictor_up", "aux_router.0", "mod_predictor_down", "aux_router.2");

  @TempDir
  private Path directory;
  private Path source;

  @BeforeEach
  void create() throws IOException {
    source = Files.createDirectory(directory.resolve("model"));
  }

  private void write(TinyModel model, UnaryOperator<String> theirName, String configFile, String config)
      throws IOException {
    Safetensors.write(source.resolve("model.safetensors"), "", theirName, List.copyOf(model.tensors().values()));
    Files.writeString(source.resolve(configFile), config);
  }

  private void assertConverts(Path model, Rule rule, int... tokens) throws IOException {
    Path out = directory.resolve("out.gguf");
    Conversions.convert(model, null, null, out);
    Conversions.assertSame(Conversions.logits(model, null, Routing.model(rule), tokens),
        Conversions.logits(out, null, Routing.model(rule), tokens));
  }

  private static ModDescriptor descriptor(List<Integer> blocks, Part part, Router.Form form, Selection selection,
      Combine combine, Positions positions, SkippedKv skippedKv) {
    return new ModDescriptor(blocks, part, Unit.TOKEN, new Router(form, Router.Activation.SILU, false, false), selection,
        combine, positions, skippedKv, 0);
  }

  /** The directory that the package itself saved. */
  @Test
  void mixtureOfDepth() throws IOException {
    assertConverts(Path.of("..", "loader", "conformance", "packages", "mixture-of-depth"), Rule.TOPK,
        new Random(4).ints(48, 0, 32).toArray());
  }

  @Test
  void skipGpt() throws IOException {
    TinyModel.Shape shape = new TinyModel.Shape("llama", Rope.Layout.HALVES, 3, 64, 96, 4, 2, 16, 53, false);
    TinyModel model = TinyModel.dense(shape, 1).routed(descriptor(List.of(0, 1, 2), Part.EACH_HALF, Router.Form.LINEAR2,
        Selection.threshold(0.5), Combine.HARD, Positions.ORIGINAL, SkippedKv.PROJECTED), true, 2);
    write(model, ImportedConversionTest::skipGptName, "config.json",
        Conversions.huggingFaceConfig("llama", model.config(), ""));
    assertConverts(source, Rule.THRESHOLD, model.tokens(40, 2));
  }

  private static String skipGptName(String gguf) {
    String[] parts = gguf.split("\\.");
    if (!gguf.contains("mod_")) {
      return Conversions.huggingFaceName(gguf).replaceFirst("layers\\.(\\d)\\.", "layers.$1.block.");
    }
    return "model.layers." + parts[1] + (parts[2].contains("attn") ? ".router_attention" : ".router_mlp")
        + ".weight_predictor." + parts[3];
  }

  @Test
  void dllm() throws IOException {
    TinyModel model = TinyModel.dense(TinyModel.SMALL, 1).routed(descriptor(List.of(2, 3), Part.BLOCK, Router.Form.MLP,
        Selection.threshold(0.5), Combine.HARD, Positions.ORIGINAL, SkippedKv.ABSENT), true, 2);
    ModelConfig c = model.config();
    write(model, ImportedConversionTest::dllmName, "params.json", """
        {"dim": %d, "n_layers": %d, "n_heads": %d, "n_kv_heads": %d, "vocab_size": -1, "norm_eps": 1e-5}"""
        .formatted(c.embedding(), c.blocks(), c.heads(), c.kvHeads()));
    assertConverts(source, Rule.THRESHOLD, model.tokens(40, 2));
  }

  private static String dllmName(String gguf) {
    String[] parts = gguf.split("\\.");
    return switch (parts[0]) {
      case "token_embd" -> "tok_embeddings.weight";
      case "output_norm" -> "norm.weight";
      case "output" -> "output.weight";
      default -> "layers." + parts[1] + '.'
          + (gguf.contains("mod_") ? "router." + DLLM_ROUTER.get(parts[2]) : LLAMA2.get(parts[2])) + '.' + parts[3];
    };
  }

  @Test
  void ohara() throws IOException {
    TinyModel.Shape shape = new TinyModel.Shape("llama", Rope.Layout.INTERLEAVED, 4, 32, 48, 4, 2, 8, 37, true);
    Selection s = Selection.threshold(0.5);
    Selection topk = new Selection(Rule.TOPK, Rule.PREDICTOR, Collections.nCopies(2, 0.12), s.rounding(), 0, 0, s.ties(),
        0.5, OptionalDouble.empty(), false, 0);
    TinyModel model = TinyModel.dense(shape, 1).routed(descriptor(List.of(0, 2), Part.BLOCK, Router.Form.LINEAR, topk,
        new Combine(Combine.Form.ADD_BLOCK, Combine.Gate.SOFTMAX), Positions.COMPACTED, SkippedKv.ABSENT), false, 2);
    ModelConfig c = model.config();
    write(model, ImportedConversionTest::oharaName, "config.json", """
        {"d_model": %d, "num_layers": %d, "num_heads": %d, "num_kv_heads": %d, "vocab_size": %d, "seq_len": 64,
        "capacity_factor": 0.12}"""
        .formatted(c.embedding(), c.blocks(), c.heads(), c.kvHeads(), c.vocabulary()));
    // Of which 6 are chosen; it would be 5 by the f32 nearest to 0.12.
    assertConverts(source, Rule.TOPK, model.tokens(50, 2));
    assertConverts(source, Rule.PREDICTOR, model.tokens(40, 2));
  }

  private static String oharaName(String gguf) {
    String[] parts = gguf.split("\\.");
    if (!parts[0].equals("blk")) {
      return parts[0].equals("token_embd") ? "model.token_emb.weight" : "model.norm.weight";
    }
    boolean wrapped = parts[1].equals("0") || parts[1].equals("2");
    return "model.layers." + parts[1] + '.' + (OHARA_ROUTER.containsKey(parts[2]) ? OHARA_ROUTER.get(parts[2])
        : (wrapped ? "transformer_decoder_block." : "") + OHARA.get(parts[2])) + '.' + parts[3];
  }
}
