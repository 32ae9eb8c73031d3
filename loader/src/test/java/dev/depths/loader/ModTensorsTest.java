package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Mixture-of-Depths model in a GGUF file of its own. */
class ModTensorsTest {
  @TempDir Path directory;

  private static GgufWriter model(String router, String selection) {
    return TinyModel.gguf("llama")
        .put("mod.version", 1)
        .put("mod.blocks", List.of(1))
        .put("mod.capacity", List.of(0.125f))
        .put("mod.router", router)
        .put("mod.selection", selection)
        .put("mod.combine", "x+r*f");
  }

  private static GgufWriter linear() {
    return model("linear", "threshold").tensor("blk.1.mod_router.weight", new float[32], 1, 32);
  }

  private Checkpoint open(GgufWriter writer) throws IOException {
    Path file = directory.resolve("mod.gguf");
    writer.write(file);
    return Checkpoint.open(file);
  }

  private void assertRefused(String where, String problem, GgufWriter writer) {
    assertMalformed("mod.gguf: " + where, problem, () -> open(writer).close());
  }

  @Test
  void linearRouters() throws IOException {
    try (Checkpoint checkpoint = open(linear().tensor("blk.1.mod_router.bias", new float[1], 1))) {
      assertEquals(List.of(0.125), checkpoint.mod().orElseThrow().selection().capacities());
      assertTrue(checkpoint.tensors().containsKey("blk.1.mod_router.weight"));
    }
    open(model("linear", "threshold").tensor("blk.1.mod_router.weight", new float[32], 32)).close();
    open(model("linear2", "topk").tensor("blk.1.mod_router.weight", new float[64], 2, 32)
        .tensor("blk.1.mod_router.bias", new float[2], 2)).close();
    open(model("linear", "threshold").put("mod.shared_router", true)
        .tensor("mod_router.weight", new float[32], 1, 32)).close();
  }

  @Test
  void otherRouters() throws IOException {
    open(model("mlp", "threshold")
        .tensor("blk.1.mod_router_up.weight", new float[96], 3, 32).tensor("blk.1.mod_router_up.bias", new float[3], 3)
        .tensor("blk.1.mod_router_down.weight", new float[3], 1, 3)).close();
    GgufWriter predictor = model("linear", "predictor").tensor("blk.1.mod_router.weight", new float[32], 1, 32)
        .tensor("blk.1.mod_predictor_up.weight", new float[96], 3, 32);
    assertRefused("tensor blk.1.mod_predictor_down.weight", "is missing", predictor);
    open(predictor.tensor("blk.1.mod_predictor_down.weight", new float[3], 1, 3)).close();
    assertRefused("tensor blk.1.mod_router_up.weight", "has 20000 rows, expected at most 16384",
        model("mlp", "threshold").tensor("blk.1.mod_router_up.weight", new float[640000], 20000, 32));
    GgufWriter normed = model("mlp", "threshold")
        .tensor("blk.1.mod_router_up.weight", new float[96], 3, 32)
        .tensor("blk.1.mod_router_down.weight", new float[6], 2, 3).tensor("blk.1.mod_router_down.bias", new float[2], 2);
    open(normed.tensor("blk.1.mod_router_norm.weight", new float[3], 3)).close();
    assertRefused("tensor blk.1.mod_router_norm.weight", "has the shape [4], expected [3]",
        normed.tensor("blk.1.mod_router_norm.weight", new float[4], 4));
  }

  /** One that only those use who ask for it. */
  @Test
  void aPredictorBesideTheRule() throws IOException {
    GgufWriter writer = linear().tensor("blk.1.mod_predictor_up.weight", new float[96], 3, 32);
    assertRefused("tensor blk.1.mod_predictor_down.weight", "is missing", writer);
    open(writer.tensor("blk.1.mod_predictor_down.weight", new float[3], 1, 3)).close();
  }

  @Test
  void eachHalfHasItsRouter() throws IOException {
    GgufWriter halves = model("linear", "threshold").put("mod.granularity", "attention+mlp/token").put("mod.combine", "x+f")
        .tensor("blk.1.mod_attn_router.weight", new float[32], 1, 32);
    assertRefused("tensor blk.1.mod_mlp_router.weight", "is missing", halves);
    open(halves.tensor("blk.1.mod_mlp_router.weight", new float[32], 1, 32)).close();
  }

  @Test
  void bypasses() throws IOException {
    GgufWriter writer = linear().put("mod.bypass", "lowrank");
    assertRefused("tensor blk.1.mod_bypass_a.weight", "is missing", writer);
    writer.tensor("blk.1.mod_bypass_a.weight", new float[96], 3, 32);
    assertRefused("tensor blk.1.mod_bypass_b.weight", "is missing", writer);
    writer.tensor("blk.1.mod_bypass_b.weight", new float[128], 32, 4);
    assertRefused("tensor blk.1.mod_bypass_b.weight", "has the shape [32, 4], expected [32, 3]", writer);
    writer.tensor("blk.1.mod_bypass_b.weight", DType.F16, new byte[192], 32, 3);
    open(writer).close();
    writer.tensor("blk.1.mod_bypass_a.weight", new float[93], 3, 31);
    assertRefused("tensor blk.1.mod_bypass_a.weight", "has the shape [3, 31], expected [3, 32]", writer);
    writer.tensor("blk.1.mod_bypass_a.weight", new float[96], 96);
    assertRefused("tensor blk.1.mod_bypass_a.weight", "has the shape [96], expected [1, 32]", writer);
    writer.tensor("blk.1.mod_bypass_a.weight", new float[64000], 2000, 32);
    assertRefused("tensor blk.1.mod_bypass_a.weight", "has 2000 rows, expected at most 1024", writer);
    writer.tensor("blk.1.mod_bypass_a.weight", DType.Q8_0, new byte[3 * 34], 3, 32);
    assertUnsupported("mod.gguf: tensor blk.1.mod_bypass_a.weight", "is of the type Q8_0, expected one of [F32, F16, BF16]",
        () -> open(writer).close());
  }

  @Test
  void bypassesAreOfRoutedParts() throws IOException {
    GgufWriter halves = model("linear", "threshold").put("mod.granularity", "attention+mlp/token").put("mod.combine", "x+f")
        .put("mod.bypass", "lowrank")
        .tensor("blk.1.mod_attn_router.weight", new float[32], 1, 32)
        .tensor("blk.1.mod_mlp_router.weight", new float[32], 1, 32)
        .tensor("blk.1.mod_attn_bypass_a.weight", new float[96], 3, 32)
        .tensor("blk.1.mod_attn_bypass_b.weight", new float[96], 32, 3);
    assertRefused("tensor blk.1.mod_mlp_bypass_a.weight", "is missing", halves);
    open(halves.tensor("blk.1.mod_mlp_bypass_a.weight", new float[32], 1, 32)
        .tensor("blk.1.mod_mlp_bypass_b.weight", new float[32], 32, 1)).close();
    assertRefused("mod.bypass", "is none, but there is a tensor blk.1.mod_attn_bypass_a.weight",
        halves.put("mod.bypass", "none"));
    GgufWriter shared = model("linear", "threshold").put("mod.shared_router", true).put("mod.bypass", "lowrank")
        .tensor("mod_router.weight", new float[32], 1, 32);
    assertRefused("tensor blk.1.mod_bypass_a.weight", "is missing", shared);
    shared.tensor("blk.1.mod_bypass_a.weight", new float[32], 1, 32).tensor("blk.1.mod_bypass_b.weight", new float[32], 32, 1);
    open(shared).close();
    shared.tensor("blk.0.mod_bypass_a.weight", new float[32], 1, 32);
    assertUnsupported("mod.gguf: tensor blk.0.mod_bypass_a.weight", "is not part of a llama model",
        () -> open(shared).close());
  }

  @Test
  void routersHaveToFit() {
    assertRefused("tensor blk.1.mod_router.weight", "is missing", model("linear", "threshold"));
    assertRefused("tensor blk.1.mod_router.weight", "has the shape [1, 16], expected [1, 32]",
        model("linear", "threshold").tensor("blk.1.mod_router.weight", new float[16], 1, 16));
    assertRefused("tensor blk.1.mod_router.weight", "has the shape [1, 32], expected [2, 32]",
        model("linear2", "threshold").tensor("blk.1.mod_router.weight", new float[32], 1, 32));
    assertRefused("tensor blk.1.mod_router.bias", "has the shape [2], expected [1]",
        linear().tensor("blk.1.mod_router.bias", new float[2], 2));
    assertRefused("tensor mod_router.weight", "is missing", linear().put("mod.shared_router", true));
  }

  @Test
  void blocksHaveToExist() {
    assertRefused("mod.blocks", "holds block 2, expected 0 to 1", linear().put("mod.blocks", List.of(2)));
  }

  @Test
  void routersWithoutDescriptorAreRefused() {
    GgufWriter writer = TinyModel.gguf("llama").tensor("blk.1.mod_router.weight", new float[32], 1, 32);
    assertUnsupported("mod.gguf: tensor blk.1.mod_router.weight", "is not part of a llama model",
        () -> open(writer).close());
    GgufWriter other = linear().tensor("blk.0.mod_router.weight", new float[32], 1, 32);
    assertUnsupported("mod.gguf: tensor blk.0.mod_router.weight", "is not part of a llama model",
        () -> open(other).close());
  }
}
