package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static dev.depths.loader.SourceModel.assertTensor;
import static dev.depths.loader.SourceModel.elements;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SkipGptImporterTest {
  private static final String KEYS = """
      {"version": 1, "blocks": [0, 1], "granularity": "attention+mlp/token", "router": %s,
       "router_input": "residual", "selection": "threshold", "threshold": 0.5, "threshold_inclusive": true,
       "initial_tokens": 0, "combine": "x+f", "positions": "original", "skipped_kv": "projected"}""";

  @TempDir Path directory;

  static SourceModel model() {
    SourceModel model = base();
    each(router -> model.with(router + "hidden_layer.weight", router + "up", 8, 32)
        .with(router + "hidden_layer.bias", router + "up bias", 8)
        .with(router + "weight_predictor.weight", classes(8), 2, 8)
        .with(router + "weight_predictor.bias", new float[] {3, 4}, 2));
    return model;
  }

  /** Of an earlier version of the code. */
  static SourceModel oneLayer() {
    SourceModel model = base();
    each(router -> model.with(router + "weight_predictor.weight", classes(32), 2, 32)
        .with(router + "weight_predictor.bias", new float[] {3, 4}, 2));
    return model;
  }

  private static SourceModel base() {
    return SourceModel.huggingFace(name -> name.replaceFirst("layers\\.(\\d)\\.", "layers.$1.block."));
  }

  private interface ForRouter {
    void accept(String prefix);
  }

  private static void each(ForRouter action) {
    for (int layer = 0; layer < 2; layer++) {
      action.accept("model.layers." + layer + ".router_attention.");
      action.accept("model.layers." + layer + ".router_mlp.");
    }
  }

  /** A row of ones for "run", one of twos for "skip". */
  private static float[] classes(int columns) {
    float[] rows = new float[2 * columns];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i < columns ? 1 : 2;
    }
    return rows;
  }

  private static float[] swapped(int columns) {
    float[] rows = classes(columns);
    for (int i = 0; i < rows.length; i++) {
      rows[i] = 3 - rows[i];
    }
    return rows;
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  @Test
  void routersOfTwoLayers() throws IOException {
    try (Checkpoint checkpoint = open(model())) {
      assertEquals(ModImporterTest.keys(KEYS.formatted("\"mlp\", \"router_activation\": \"relu\"")),
          checkpoint.mod().orElseThrow().keys());
      SourceModel.assertLlama(checkpoint);
      assertTensor(checkpoint, "blk.1.mod_attn_router_up.weight", elements("model.layers.1.router_attention.up", 8, 32));
      assertTensor(checkpoint, "blk.1.mod_mlp_router_up.weight", elements("model.layers.1.router_mlp.up", 8, 32));
      assertTensor(checkpoint, "blk.0.mod_mlp_router_up.bias", elements("model.layers.0.router_mlp.up bias", 8));
      assertTensor(checkpoint, "blk.0.mod_attn_router_down.weight", swapped(8));
      assertTensor(checkpoint, "blk.0.mod_attn_router_down.bias", 4, 3);
    }
  }

  @Test
  void routersOfOneLayer() throws IOException {
    try (Checkpoint checkpoint = open(oneLayer())) {
      assertEquals(ModImporterTest.keys(KEYS.formatted("\"linear2\"")), checkpoint.mod().orElseThrow().keys());
      assertTensor(checkpoint, "blk.1.mod_mlp_router.weight", swapped(32));
      assertTensor(checkpoint, "blk.1.mod_mlp_router.bias", 4, 3);
    }
  }

  @Test
  void refusals() {
    String hidden = "model.layers.1.router_mlp.hidden_layer.weight";
    assertMalformed("tensor blk.1.mod_mlp_router_up.weight", "is missing", () -> open(model().without(hidden)));
    assertMalformed("tensor blk.0.mod_attn_router_down.weight", "has the shape [3, 8], expected [1, 8]",
        () -> open(model().with("model.layers.0.router_attention.weight_predictor.weight", "three", 3, 8)));
    assertUnsupported("model.safetensors: tensor base_model.model.model.norm.weight",
        "is of a PEFT adapter, which has to be merged",
        () -> open(model().with("base_model.model.model.norm.weight", "norm", 32)));
    assertUnsupported("tensor model.layers.0.block.self_attn.q_proj.lora_A.default.weight", "is of a PEFT adapter",
        () -> open(model().with("model.layers.0.block.self_attn.q_proj.lora_A.default.weight", "a", 16, 32)));
    assertUnsupported("config.json: architecture \"gemma2\" is not supported", "",
        () -> open(model().set("model_type", "\"gemma2\"")));
  }
}
