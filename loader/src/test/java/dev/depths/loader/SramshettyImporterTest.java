package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static dev.depths.loader.SourceModel.assertTensor;
import static dev.depths.loader.SourceModel.elements;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SramshettyImporterTest {
  @TempDir Path directory;

  static SourceModel model() {
    SourceModel model = SourceModel.llama2().with("output.weight", "output", 10, 32).set("routing", 1)
        .set("aux_routing", 1).set("capacity", 6).set("router_skip_blocks", 2).set("aux_loss", 0);
    for (String prefix : new String[] {"", "layers.0.", "layers.1."}) {
      model.with(prefix + "router.weight", "router", 1, 32).with(prefix + "aux_router.0.weight", "up", 16, 32)
          .with(prefix + "aux_router.2.weight", "down", 1, 16);
    }
    return model;
  }

  private static SourceModel withoutPredictor() {
    SourceModel model = model();
    model.names().stream().filter(name -> name.contains("aux_router")).forEach(model::without);
    return model.set("aux_routing", 0);
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  @Test
  void oneRouterForEveryOtherLayer() throws IOException {
    try (Checkpoint checkpoint = open(model())) {
      assertEquals(ModImporterTest.keys("""
          {"version": 1, "blocks": [1], "granularity": "block/token", "router": "linear", "router_input": "residual",
           "shared_router": true, "selection": "topk", "capacity": 1.0, "causal_selection": "predictor",
           "k_rounding": "floor", "least_tokens": 1, "most_tokens": 6, "ties": "first", "threshold": 0.5,
           "threshold_inclusive": false, "initial_tokens": 0, "combine": "x+x+a+sigmoid(r)*m", "positions": "compacted",
           "skipped_kv": "absent"}"""), checkpoint.mod().orElseThrow().keys());
      SourceModel.assertLlama(checkpoint);
      assertTensor(checkpoint, "mod_router.weight", elements("router", 1, 32));
      assertTensor(checkpoint, "mod_predictor_up.weight", elements("up", 16, 32));
      assertTensor(checkpoint, "mod_predictor_down.weight", elements("down", 1, 16));
      assertEquals(ModelConfig.Rope.Layout.INTERLEAVED, checkpoint.config().rope().layout());
    }
  }

  @Test
  void withoutPredictorThereIsNoCausalRule() throws IOException {
    try (Checkpoint checkpoint = open(withoutPredictor().without("layers.0.router.weight").without("router.weight"))) {
      assertNull(checkpoint.mod().orElseThrow().selection().causal());
      assertTensor(checkpoint, "mod_router.weight", elements("router", 1, 32));
    }
  }

  @Test
  void refusals() {
    assertMalformed("tensor layers.0.router.weight", "differs from router.weight, but the blocks share one router",
        () -> open(model().with("layers.0.router.weight", "another", 1, 32)));
    assertMalformed("config.json: capacity", "is missing", () -> open(model().unset("capacity")));
    assertMalformed("config.json: capacity", "is 0, expected 1", () -> open(model().set("capacity", 0)));
    assertMalformed("config.json: router_skip_blocks", "is 0, expected 1", () -> open(model().set("router_skip_blocks", 0)));
    assertUnsupported("tensor mod_", "is not part of a llama model", () -> open(model().set("router_skip_blocks", 1)));
    SourceModel half = model();
    half.names().stream().filter(name -> name.contains("aux_router.2")).forEach(half::without);
    assertMalformed("tensor mod_predictor_down.weight", "is missing", () -> open(half));
  }
}
