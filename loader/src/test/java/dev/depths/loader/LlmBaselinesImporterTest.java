package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static dev.depths.loader.SourceModel.assertTensor;
import static dev.depths.loader.SourceModel.elements;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LlmBaselinesImporterTest {
  private static final Map<String, String> NAMES = Map.of("attn_norm", "ln_1", "attn_output", "attn.c_proj", "ffn_norm",
      "ln_2", "ffn_gate", "mlp.w1", "ffn_up", "mlp.w2", "ffn_down", "mlp.c_proj");
  private static final String ROUTER = "transformer.h.0.mod_router.weight";

  @TempDir Path directory;

  static SourceModel model() {
    SourceModel model = SourceModel.llama(LlmBaselinesImporterTest::theirName);
    for (int layer = 0; layer < 2; layer++) {
      model.without(theirName("blk." + layer + ".attn_q.weight")).without(theirName("blk." + layer + ".attn_k.weight"))
          .without(theirName("blk." + layer + ".attn_v.weight"))
          .with(prefix(layer) + "attn.c_attn.weight", fused(layer), 96, 32)
          .with(prefix(layer) + "attn.bias", new float[16], 1, 1, 4, 4);
    }
    return model.with(ROUTER, "router", 1, 32).with("lm_head.weight", "token_embd.weight", 10, 32)
        .set("n_embd", 32).set("n_head", 4).set("n_layer", 2).set("sequence_length", 64).set("vocab_size", 10)
        .set("multiple_of", 64).set("rmsnorm_eps", 1e-5).set("mod_capacity_factor", 0.125).set("mod_every", 2);
  }

  private static String prefix(int layer) {
    return "transformer.h." + layer + (layer == 0 ? ".block." : ".");
  }

  private static String theirName(String gguf) {
    String[] parts = gguf.split("\\.");
    return switch (parts[0]) {
      case "token_embd" -> "transformer.wte.weight";
      case "output_norm" -> "transformer.ln_f.weight";
      default -> prefix(Integer.parseInt(parts[1])) + NAMES.getOrDefault(parts[2], parts[2]) + ".weight";
    };
  }

  /** Queries, keys and values of as many heads, one below the other. */
  private static float[] fused(int layer) {
    float[] rows = Arrays.copyOf(elements("q" + layer, 32, 32), 96 * 32);
    System.arraycopy(elements("k" + layer, 32, 32), 0, rows, 32 * 32, 32 * 32);
    System.arraycopy(elements("v" + layer, 32, 32), 0, rows, 64 * 32, 32 * 32);
    return rows;
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  @Test
  void layersWithARouterAreRouted() throws IOException {
    try (Checkpoint checkpoint = open(model())) {
      assertEquals(ModImporterTest.keys("""
          {"version": 1, "blocks": [0], "granularity": "block/token", "router": "linear", "router_input": "residual",
           "selection": "topk", "capacity": 0.125, "k_rounding": "floor", "least_tokens": 0, "most_tokens": 8,
           "ties": "first", "initial_tokens": 0, "combine": "x+r*(x+f)", "positions": "compacted",
           "skipped_kv": "absent"}"""), checkpoint.mod().orElseThrow().keys());
      TinyModel.shapes("llama").forEach((name, shape) -> {
        if (!name.matches(".*attn_[qkv]\\..*")) {
          assertTensor(checkpoint, name, elements(name, shape));
        }
      });
      for (String part : List.of("q", "k", "v")) {
        assertTensor(checkpoint, "blk.1.attn_" + part + ".weight", elements(part + 1, 32, 32));
      }
      assertTensor(checkpoint, "blk.0.mod_router.weight", elements("router", 1, 32));
      assertEquals(ModelConfig.Rope.Layout.INTERLEAVED, checkpoint.config().rope().layout());
      assertEquals(4, checkpoint.config().kvHeads());
      assertEquals(64, checkpoint.config().contextLength());
      assertTrue(checkpoint.config().tiedEmbedding());
    }
  }

  @Test
  void biasesAndAnUntoldLength() throws IOException {
    SourceModel model = model().unset("sequence_length").without("transformer.wte.weight");
    for (int layer = 0; layer < 2; layer++) {
      model.with(prefix(layer) + "attn.c_attn.bias", Arrays.copyOf(new float[] {1}, 96), 96);
    }
    try (Checkpoint checkpoint = open(model)) {
      assertEquals(0, checkpoint.mod().orElseThrow().selection().mostTokens());
      assertTensor(checkpoint, "blk.0.attn_q.bias", Arrays.copyOf(new float[] {1}, 32));
      assertTensor(checkpoint, "blk.0.attn_v.bias", new float[32]);
      assertTrue(checkpoint.config().qkvBias());
    }
  }

  @Test
  void refusals() {
    assertUnsupported("model.safetensors: tensor transformer.wpe.weight", "is of a GPT-2",
        () -> open(model().with("transformer.wpe.weight", "wpe", 64, 32)));
    assertUnsupported("tensor transformer.h.0.block.ln_1.bias", "is of a GPT-2",
        () -> open(model().with("transformer.h.0.block.ln_1.bias", "bias", 32)));
    assertUnsupported("tensor transformer.h.1.mlp.c_fc.weight", "is of a GPT-2",
        () -> open(model().with("transformer.h.1.mlp.c_fc.weight", "fc", 64, 32)));
    assertMalformed("tensor transformer.h.0.mod_router.weight", "is missing",
        () -> open(model().without(ROUTER).with("transformer.h.1.mod_router.weight", "router", 1, 32)));
    assertMalformed("tensor transformer.h.1.attn.c_attn.weight", "has the shape [95, 32], expected rows for queries",
        () -> open(model().with("transformer.h.1.attn.c_attn.weight", "fused", 95, 32)));
    assertMalformed("config.json: mod_capacity_factor", "is missing", () -> open(model().unset("mod_capacity_factor")));
    assertUnsupported("config.json: mod_capacity_factor is 0.001", "makes no token of sequence_length",
        () -> open(model().set("mod_capacity_factor", 0.001)));
  }
}
