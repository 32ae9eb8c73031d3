package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static dev.depths.loader.SourceModel.assertTensor;
import static dev.depths.loader.SourceModel.elements;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OharaImporterTest {
  /** What the code calls key is the query. */
  private static final Map<String, String> NAMES = Map.of("attn_norm", "norm1", "attn_q", "attn.key", "attn_k", "attn.query",
      "attn_v", "attn.value", "attn_output", "attn.proj", "ffn_norm", "norm2", "ffn_gate", "ff.gate", "ffn_up", "ff.up",
      "ffn_down", "ff.down");

  @TempDir Path directory;

  static SourceModel model() {
    SourceModel model = SourceModel.llama(OharaImporterTest::theirName)
        .with("model.vocab_proj.weight", "another", 10, 32).with("model.mask", new float[16], 1, 1, 4, 4)
        .set("d_model", 32).set("hidden_dim", 64).set("num_layers", 2).set("num_heads", 4).set("num_kv_heads", 2)
        .set("seq_len", 128).set("vocab_size", 10).set("capacity_factor", 0.25).set("mixture_of_depth", true)
        .set("mixture_of_expert", false).set("ffn", "\"swiglu\"").set("model_type", "\"mixture_of_depth\"");
    return model.with("model.layers.0.router.weight", "router", 1, 32)
        .with("model.layers.0.aux_router.0.weight", "up", 16, 32).with("model.layers.0.aux_router.0.bias", "up bias", 16)
        .with("model.layers.0.aux_router.2.weight", "down", 1, 16).with("model.layers.0.aux_router.2.bias", "down bias", 1);
  }

  private static String theirName(String gguf) {
    String[] parts = gguf.split("\\.");
    return switch (parts[0]) {
      case "token_embd" -> "model.token_emb.weight";
      case "output_norm" -> "model.norm.weight";
      default -> "model.layers." + parts[1] + (parts[1].equals("0") ? ".transformer_decoder_block." : ".")
          + NAMES.get(parts[2]) + ".weight";
    };
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  @Test
  void evenLayersAreRouted() throws IOException {
    try (Checkpoint checkpoint = open(model())) {
      assertEquals(ModImporterTest.keys("""
          {"version": 1, "blocks": [0], "granularity": "block/token", "router": "linear", "router_input": "residual",
           "selection": "topk", "capacity": 0.25, "causal_selection": "predictor", "k_rounding": "floor",
           "least_tokens": 0, "most_tokens": 0, "ties": "first", "threshold": 0.5, "threshold_inclusive": false,
           "initial_tokens": 0, "combine": "x+softmax(r)*(x+f)", "positions": "compacted",
           "skipped_kv": "absent"}"""), checkpoint.mod().orElseThrow().keys());
      SourceModel.assertLlama(checkpoint);
      assertTensor(checkpoint, "blk.0.mod_router.weight", elements("router", 1, 32));
      assertTensor(checkpoint, "blk.0.mod_predictor_up.weight", elements("up", 16, 32));
      assertTensor(checkpoint, "blk.0.mod_predictor_up.bias", elements("up bias", 16));
      assertTensor(checkpoint, "blk.0.mod_predictor_down.weight", elements("down", 1, 16));
      assertTensor(checkpoint, "blk.0.mod_predictor_down.bias", elements("down bias", 1));
      ModelConfig config = checkpoint.config();
      assertEquals(ModelConfig.Rope.Layout.INTERLEAVED, config.rope().layout());
      assertEquals((float) Math.pow(10000, -2.0 / 8), config.rope().inverseFrequencies()[1]);
      assertEquals(1e-5f, config.rmsEpsilon());
      assertEquals(64, config.feedForward());
      assertEquals(128, config.contextLength());
      assertTrue(config.tiedEmbedding());
      assertFalse(config.qkvBias());
      assertEquals("mixture_of_depth", checkpoint.metadata().get("model_type"));
    }
  }

  @Test
  void namesOfOtherVersions() throws IOException {
    SourceModel old = model().without("model.token_emb.weight");
    for (String layer : new String[] {"model.layers.0.transformer_decoder_block.", "model.layers.1."}) {
      old.without(layer + "ff.gate.weight").without(layer + "ff.up.weight").without(layer + "ff.down.weight")
          .with(layer + "ff.w1.weight", "w1", 64, 32).with(layer + "ff.w3.weight", "w3", 64, 32)
          .with(layer + "ff.w2.weight", "w2", 32, 64).with(layer + "attn.key.bias", "key", 32)
          .with(layer + "attn.query.bias", "query", 16).with(layer + "attn.value.bias", "value", 16);
    }
    try (Checkpoint checkpoint = open(old)) {
      assertTensor(checkpoint, "token_embd.weight", elements("another", 10, 32));
      assertTensor(checkpoint, "blk.0.ffn_gate.weight", elements("w1", 64, 32));
      assertTensor(checkpoint, "blk.0.ffn_up.weight", elements("w3", 64, 32));
      assertTensor(checkpoint, "blk.1.ffn_down.weight", elements("w2", 32, 64));
      assertTensor(checkpoint, "blk.1.attn_q.bias", elements("key", 32));
      assertTrue(checkpoint.config().qkvBias());
    }
  }

  @Test
  void refusals() {
    assertUnsupported("config.json: mixture_of_expert is true", "not supported",
        () -> open(model().set("mixture_of_expert", true)));
    assertUnsupported("config.json: ffn is \"mlp\"", "supported is swiglu", () -> open(model().set("ffn", "\"mlp\"")));
    assertMalformed("config.json: num_layers", "is 3, expected an even number", () -> open(model().set("num_layers", 3)));
    assertMalformed("config.json: capacity_factor", "is 0, expected more", () -> open(model().set("capacity_factor", 0)));
    assertMalformed("config.json: d_model", "is missing", () -> open(model().unset("d_model")));
    assertMalformed("config.json: num_heads", "is 5, expected heads of an even width in d_model 32",
        () -> open(model().set("num_heads", 5).unset("num_kv_heads")));
    assertMalformed("config.json: num_kv_heads", "is 3, expected a divisor of 4", () -> open(model().set("num_kv_heads", 3)));
    assertMalformed("tensor token_embd.weight", "has the shape [10, 32], expected [11, 32]",
        () -> open(model().set("vocab_size", 11)));
    assertMalformed("tensor blk.0.mod_predictor_up.weight", "is missing",
        () -> open(model().without("model.layers.0.aux_router.0.weight")));
    assertUnsupported("model.safetensors: tensor \"model.layers.1.attn.proj.bias\"", "is not part of a model",
        () -> open(model().with("model.layers.1.attn.proj.bias", "proj", 32)));
  }
}
