package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static dev.depths.loader.SourceModel.assertTensor;
import static dev.depths.loader.SourceModel.elements;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RouterTuningImporterTest {
  private static final String ROUTER = "model.layers.1.router.weight";
  private static final String KEYS = """
      {"version": 1, "blocks": [1], "granularity": "%s", "router": "linear", "router_input": "normed",
       "selection": "threshold", "threshold": 0.4, "threshold_inclusive": true, "initial_tokens": 0,
       "combine": "x+f", "positions": "original", "skipped_kv": "%s"}""";

  @TempDir Path directory;

  /** With the base's tensors. */
  static SourceModel model() {
    return configured(SourceModel.huggingFace(name -> name));
  }

  /** As the code saves it. */
  static SourceModel routers() {
    SourceModel model = model();
    model.names().stream().filter(name -> !name.equals(ROUTER)).forEach(model::without);
    return model;
  }

  private static SourceModel configured(SourceModel model) {
    return model.set("is_mod", "[false, true]").set("granularity", "\"attn_sequence\"").set("threshold", 0.4)
        .set("gradient_scale", 0.0).set("mod_capacity", "null").set("model_type", "\"llama_mod\"")
        .with(ROUTER, "router", 1, 32);
  }

  private Checkpoint open(SourceModel model) throws IOException {
    return Checkpoint.open(model.write(directory));
  }

  @ParameterizedTest
  @CsvSource({"attn_sequence, attention/sequence, absent", "attn_token, attention/token, projected",
      "mlp_sequence, mlp/sequence, absent", "mlp_token, mlp/token, absent", "block_sequence, block/sequence, absent",
      "block-token, block/token, projected"})
  void markedLayersAreRouted(String theirs, String granularity, String skippedKv) throws IOException {
    try (Checkpoint checkpoint = open(model().set("granularity", '"' + theirs + '"'))) {
      assertEquals(ModImporterTest.keys(KEYS.formatted(granularity, skippedKv)), checkpoint.mod().orElseThrow().keys());
      SourceModel.assertLlama(checkpoint);
      assertTensor(checkpoint, "blk.1.mod_router.weight", elements("router", 1, 32));
      assertEquals("llama", checkpoint.config().architecture());
      assertEquals("llama_mod", checkpoint.metadata().get("model_type"));
    }
  }

  @Test
  void olderKeysAndOtherTypes() throws IOException {
    SourceModel old = model().unset("is_mod").unset("granularity").unset("threshold").set("is_mindskip", "[true, false]")
        .set("model_type", "\"mistral_mindskip\"").without(ROUTER).with("model.layers.0.router.weight", "router", 1, 32);
    try (Checkpoint checkpoint = open(old)) {
      ModDescriptor mod = checkpoint.mod().orElseThrow();
      assertEquals(0, mod.blocks().getFirst());
      assertEquals(ModDescriptor.Unit.SEQUENCE, mod.unit());
      assertEquals(0.5, mod.selection().thresholdOf(0));
      assertEquals("mistral", checkpoint.config().architecture());
    }
    try (Checkpoint checkpoint = open(model().set("is_mod", "[false, false]").without(ROUTER))) {
      assertEquals(Optional.empty(), checkpoint.mod());
    }
  }

  @Test
  void routersAloneAreAnAdapter() throws IOException {
    routers().write(directory);
    assertTrue(Adapter.isAdapter(directory));
    assertUnsupported(directory.toString(), "holds the routers of Router-Tuning alone", () -> Checkpoint.open(directory));
    try (Adapter adapter = Adapter.open(directory)) {
      assertEquals(ModImporterTest.keys(KEYS.formatted("attention/sequence", "absent")), adapter.descriptor().keys());
      assertEquals(Set.of("blk.1.mod_router.weight"), adapter.tensors().keySet());
      assertArrayEquals(elements("router", 1, 32), adapter.tensors().get("blk.1.mod_router.weight").toFloats());
      assertEquals(0, adapter.loraScale());
      assertEquals("", adapter.baseSha256());
      try (Checkpoint base = Checkpoint.open(SourceModel.huggingFace(name -> name).write(directory))) {
        adapter.validate(base.config());
        assertMalformed("tensor blk.1.mod_router.weight", "has the shape [1, 32], expected [1, 30]",
            () -> adapter.validate(narrow(base.config())));
      }
    }
    model().write(directory);
    assertFalse(Adapter.isAdapter(directory));
    assertUnsupported(directory.toString(), "does not hold Router-Tuning's routers alone", () -> Adapter.open(directory));
    routers().set("is_mod", "[false, false]").write(directory);
    assertMalformed("config.json: is_mod", "marks no layer", () -> Adapter.open(directory));
  }

  private static ModelConfig narrow(ModelConfig c) {
    return new ModelConfig(c.architecture(), c.blocks(), 30, c.feedForward(), c.heads(), c.kvHeads(), c.headDim(),
        c.vocabulary(), c.contextLength(), c.rmsEpsilon(), c.rope(), c.qkvBias(), c.qkNorm(), c.tiedEmbedding(), c.experts());
  }

  @Test
  void refusals() {
    assertMalformed("config.json: is_mod", "has 1 marks, expected one for each of 2 layers",
        () -> open(model().set("is_mod", "[true]")));
    assertMalformed("config.json: is_mod", "holds 1, expected true or false", () -> open(model().set("is_mod", "[1, 0]")));
    assertMalformed("config.json: is_mod", "is true, expected an array", () -> open(model().set("is_mod", true)));
    assertUnsupported("config.json: granularity is \"expert_token\"", "supported are [attn_sequence",
        () -> open(model().set("granularity", "\"expert_token\"")));
    assertMalformed("config.json: threshold", "is 1.5, expected 0.0 to 1.0", () -> open(model().set("threshold", 1.5)));
    assertMalformed("tensor blk.0.mod_router.weight", "is missing", () -> open(model().set("is_mod", "[true, true]")));
    assertUnsupported("tensor blk.1.mod_router.weight", "is not part of a llama model",
        () -> open(model().set("is_mod", "[false, false]")));
    assertMalformed("config.json: model_type", "is missing", () -> open(model().unset("model_type")));
  }
}
