package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static dev.depths.loader.SourceModel.assertTensor;
import static dev.depths.loader.SourceModel.elements;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GammaModImporterTest {
  private static final String ROUTER = "model.layers.1.router.weight";
  private static final String MOD = """
      {"mod_enable": true, "mod_mode": "arank_mod", "mod_layers_idx": %s, "capacity_factor": 0.5,
       "router_aux_loss_coef": 0.01}""";

  @TempDir Path directory;

  static SourceModel model() {
    return SourceModel.huggingFace(name -> name).set("model_type", "\"mod_llava_llama\"").set("mod", MOD.formatted("[1]"))
        .with(ROUTER, "router", 2, 32).with("model.mm_projector.0.weight", "projector", 32, 8)
        .with("model.vision_tower.vision_tower.vision_model.post_layernorm.weight", "vision", 8);
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  @Test
  void listedLayersAreRouted() throws IOException {
    try (Checkpoint checkpoint = open(model())) {
      assertEquals(ModImporterTest.keys("""
          {"version": 1, "blocks": [1], "granularity": "block/token", "router": "linear2", "router_input": "normed",
           "shared_router": true, "selection": "threshold", "threshold": 0.5, "prefill_threshold": 0.005,
           "threshold_inclusive": true, "initial_tokens": 0, "combine": "x+a+sigmoid(r)*m", "positions": "compacted",
           "skipped_kv": "absent"}"""), checkpoint.mod().orElseThrow().keys());
      SourceModel.assertLlama(checkpoint);
      assertTensor(checkpoint, "mod_router.weight", elements("router", 2, 32));
      assertEquals(TinyModel.shapes("llama").size() + 1, checkpoint.tensors().size());
      assertTrue(checkpoint.note().orElseThrow().contains("without the vision tower"));
      assertEquals(List.of(1L), checkpoint.metadata().get("mod.mod_layers_idx"));
    }
  }

  @Test
  void eachLayerMayListTheRouter() throws IOException {
    SourceModel both = model().set("mod", MOD.formatted("[1, 0]")).with("model.layers.0.router.weight", "router", 2, 32);
    try (Checkpoint checkpoint = open(both)) {
      assertEquals(List.of(0, 1), checkpoint.mod().orElseThrow().blocks());
      assertTensor(checkpoint, "mod_router.weight", elements("router", 2, 32));
    }
    assertMalformed("model.safetensors: tensor model.layers.0.router.weight", "differs from " + ROUTER,
        () -> open(both.with("model.layers.0.router.weight", "another", 2, 32)));
  }

  @Test
  void refusals() {
    assertMalformed("tensor mod_router.weight", "is missing", () -> open(model().without(ROUTER)));
    assertMalformed("config.json: mod.mod_layers_idx", "holds 2, expected layers from 0 to 1, each once",
        () -> open(model().set("mod", MOD.formatted("[2]"))));
    assertMalformed("config.json: mod.mod_layers_idx", "holds 1, expected", () -> open(model().set("mod", MOD.formatted("[1, 1]"))));
    assertUnsupported("config.json: architecture \"phi3\" is not supported", "",
        () -> open(model().set("model_type", "\"mod_llava_phi3\"")));
    assertUnsupported("tensor mod_router.weight", "is not part of a llama model",
        () -> open(model().set("mod", MOD.formatted("[]"))));
    assertUnsupported("tensor \"model.image_encoder.weight\"", "is not part of a model",
        () -> open(model().with("model.image_encoder.weight", "image", 8)));
  }
}
