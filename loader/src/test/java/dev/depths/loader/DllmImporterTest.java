package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static dev.depths.loader.SourceModel.assertTensor;
import static dev.depths.loader.SourceModel.elements;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DllmImporterTest {
  private static final String ROUTER = "layers.1.router.";
  private static final String UPDATE = "layers.0.attention.lora_k.linear_";

  @TempDir Path directory;

  static SourceModel model() {
    return SourceModel.llama2().with("output.weight", "output", 10, 32).with("rope.freqs", new float[4], 4)
        .set("dynamic_start_layer", 1).set("dynamic_reserve_initials", 3).set("dynamic_router_hdim", 6)
        .with(ROUTER + "linear_1.weight", "up", 6, 32).with(ROUTER + "linear_1.bias", "up bias", 6)
        .with(ROUTER + "norm.weight", "norm", 6)
        .with(ROUTER + "linear_2.weight", "down", 2, 6).with(ROUTER + "linear_2.bias", "down bias", 2)
        .with(UPDATE + "A.weight", "A", 2, 32).with(UPDATE + "B.weight", "B", 16, 2);
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  private static float[] merged() {
    float[] w = elements("blk.0.attn_k.weight", 16, 32);
    float[] a = elements("A", 2, 32);
    float[] b = elements("B", 16, 2);
    for (int i = 0; i < w.length; i++) {
      for (int j = 0; j < 2; j++) {
        // Exact, and so in any order: all are small multiples of 1/64.
        w[i] += b[i / 32 * 2 + j] * a[j * 32 + i % 32];
      }
    }
    return w;
  }

  @Test
  void laterLayersAreRouted() throws IOException {
    try (Checkpoint checkpoint = open(model())) {
      assertEquals(ModImporterTest.keys("""
          {"version": 1, "blocks": [1], "granularity": "block/token", "router": "mlp", "router_activation": "silu",
           "router_input": "residual", "selection": "threshold", "threshold": 0.5, "threshold_inclusive": true,
           "initial_tokens": 3, "combine": "x+f", "positions": "original", "skipped_kv": "absent"}"""),
          checkpoint.mod().orElseThrow().keys());
      TinyModel.shapes("llama").forEach((name, shape) -> assertTensor(
          checkpoint, name, name.equals("blk.0.attn_k.weight") ? merged() : elements(name, shape)));
      assertTensor(checkpoint, "output.weight", elements("output", 10, 32));
      assertTensor(checkpoint, "blk.1.mod_router_up.weight", elements("up", 6, 32));
      assertTensor(checkpoint, "blk.1.mod_router_up.bias", elements("up bias", 6));
      assertTensor(checkpoint, "blk.1.mod_router_norm.weight", elements("norm", 6));
      assertTensor(checkpoint, "blk.1.mod_router_down.weight", elements("down", 2, 6));
      assertTensor(checkpoint, "blk.1.mod_router_down.bias", elements("down bias", 2));
      assertEquals(ModelConfig.Rope.Layout.INTERLEAVED, checkpoint.config().rope().layout());
      assertEquals(2, checkpoint.config().kvHeads());
      assertEquals(10, checkpoint.config().vocabulary());
      assertFalse(checkpoint.config().tiedEmbedding());
    }
  }

  @Test
  void parametersMayBeInMetasFile() throws IOException {
    try (Checkpoint checkpoint = open(model().configIn("params.json").set("max_seq_len", 512))) {
      assertEquals(512, checkpoint.config().contextLength());
    }
    assertMalformed("params.json: dim", "is missing", () -> open(model().configIn("params.json").unset("dim")));
  }

  @Test
  void refusals() {
    assertMalformed("tensor blk.1.mod_router_up.weight", "is missing", () -> open(model().without(ROUTER + "linear_1.weight")));
    assertMalformed("tensor " + UPDATE + "B.weight", "is missing", () -> open(model().without(UPDATE + "B.weight")));
    assertMalformed("tensor layers.0.attention.wk.weight", "is missing",
        () -> open(model().without("layers.0.attention.wk.weight")));
    assertMalformed("model.safetensors: tensor " + UPDATE + "A.weight",
        "has the shapes [2, 31] and [16, 2] of its factors, expected [rank, in] and [out, rank]",
        () -> open(model().with(UPDATE + "A.weight", "A", 2, 31)));
    assertUnsupported("tensor \"layers.0.attention.lora_k.linear_B.w", "is not part of a model",
        () -> open(model().without(UPDATE + "A.weight")));
    assertUnsupported("tensor blk.1.mod_router_", "is not part of a llama model",
        () -> open(model().set("dynamic_start_layer", 2)));
    assertMalformed("config.json: dynamic_start_layer", "is -1, expected", () -> open(model().set("dynamic_start_layer", -1)));
  }
}
