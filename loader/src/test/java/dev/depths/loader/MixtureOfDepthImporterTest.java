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
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MixtureOfDepthImporterTest {
  private static final String ROUTER = "model.layers.1.router.weight_predictor.";

  @TempDir Path directory;

  static SourceModel model() {
    return SourceModel.huggingFace(name -> name.replace("layers.1.", "layers.1.block."))
        .set("architectures", "[\"LlamaMoDForCausalLM\"]")
        .with(ROUTER + "weight", "router", 1, 32).with(ROUTER + "bias", "bias", 1);
  }

  /** Of another architecture. */
  static SourceModel qwen() {
    SourceModel qwen = model().set("model_type", "\"qwen2\"");
    for (int block = 0; block < 2; block++) {
      String prefix = "model.layers." + block + (block == 1 ? ".block" : "") + ".self_attn.";
      qwen.with(prefix + "q_proj.bias", "q", 32).with(prefix + "k_proj.bias", "k", 16).with(prefix + "v_proj.bias", "v", 16);
    }
    return qwen;
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  @Test
  void oddLayersAreRouted() throws IOException {
    try (Checkpoint checkpoint = open(model())) {
      Map<String, Object> keys = checkpoint.mod().orElseThrow().keys();
      assertEquals(ModImporterTest.keys("""
          {"version": 1, "blocks": [1], "granularity": "block/token", "router": "linear", "router_input": "residual",
           "selection": "topk", "capacity": 0.125, "k_rounding": "floor", "least_tokens": 1, "most_tokens": 0,
           "ties": "above", "initial_tokens": 0, "combine": "r*(x+f)", "positions": "original",
           "skipped_kv": "absent"}"""), keys);
      SourceModel.assertLlama(checkpoint);
      assertTensor(checkpoint, "blk.1.mod_router.weight", elements("router", 1, 32));
      assertTensor(checkpoint, "blk.1.mod_router.bias", elements("bias", 1));
      assertEquals(ModelConfig.Rope.Layout.HALVES, checkpoint.config().rope().layout());
      assertEquals(List.of("LlamaMoDForCausalLM"), checkpoint.metadata().get("architectures"));
      assertTrue(checkpoint.note().orElseThrow().startsWith("trained with mixture-of-depth"));
    }
  }

  @Test
  void otherArchitectures() throws IOException {
    try (Checkpoint checkpoint = open(model().set("model_type", "\"mistral\"").set("sliding_window", "null"))) {
      assertEquals("mistral", checkpoint.config().architecture());
    }
    try (Checkpoint checkpoint = open(qwen())) {
      assertTrue(checkpoint.config().qkvBias());
      assertTensor(checkpoint, "blk.1.attn_k.bias", elements("k", 16));
    }
    assertUnsupported("config.json: architecture \"gemma\" is not supported", "",
        () -> open(model().set("model_type", "\"gemma\"")));
  }

  @Test
  void aStatedCapacity() throws IOException {
    try (Checkpoint checkpoint = open(model().set("capacity", 0.5))) {
      assertEquals(List.of(0.5), checkpoint.mod().orElseThrow().selection().capacities());
    }
    assertMalformed("config.json: capacity", "is 2.0, expected 0.0 to 1.0", () -> open(model().set("capacity", 2.0)));
    assertMalformed("config.json: capacity", "is \"all\", expected a number", () -> open(model().set("capacity", "\"all\"")));
  }

  @Test
  void ownKeysComeFirst() throws IOException {
    SourceModel own = SourceModel.huggingFace(name -> name).set("mod", """
        {"version": 1, "blocks": [0], "capacity": 0.5, "router": "linear", "selection": "topk", "combine": "x+r*f",
         "note": "ours"}""").with("model.layers.0.mod_router.weight", "router", 1, 32);
    try (Checkpoint checkpoint = open(own)) {
      assertEquals(List.of(0), checkpoint.mod().orElseThrow().blocks());
      assertEquals(Optional.of("ours"), checkpoint.note());
    }
    assertUnsupported("model.safetensors: tensor \"model.layers.1.router.weight_predictor", "is not part of a model",
        () -> open(own.with(ROUTER + "weight", "router", 1, 32)));
  }

  @Test
  void damaged() {
    assertMalformed("tensor blk.1.mod_router.weight", "is missing", () -> open(model().without(ROUTER + "weight")));
    assertMalformed("tensor blk.1.mod_router.weight", "has the shape [2, 32], expected [1, 32]",
        () -> open(model().with(ROUTER + "weight", "router", 2, 32)));
    assertUnsupported("tensor blk.0.mod_router.weight", "is not part of a llama model",
        () -> open(model().with("model.layers.0.router.weight_predictor.weight", "router", 1, 32)));
    assertMalformed("model.safetensors: tensor model.layers.1.mlp.up_proj.weight", "is the second that is blk.1.ffn_up.weight",
        () -> open(model().with("model.layers.1.mlp.up_proj.weight", "up", 64, 32)));
    assertMalformed("config.json: num_hidden_layers", "is missing", () -> open(model().unset("num_hidden_layers")));
    assertUnsupported("tensor \"model.layers.1.block.mlp.fc1.weight\"", "is not part of a model",
        () -> open(model().with("model.layers.1.block.mlp.fc1.weight", "fc", 64, 32)));
  }
}
