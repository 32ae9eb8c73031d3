package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterTest {
  private static final String HASH = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
  private static final ModelConfig CONFIG = GgufConfig.read(
      new Metadata("base", GgufFile.parse("base", MemorySegment.ofArray(TinyModel.gguf("llama").toBytes())).metadata()),
      GgufFile.parse("base", MemorySegment.ofArray(TinyModel.gguf("llama").toBytes())).tensors());

  @TempDir Path directory;

  private static SafetensorsWriter adapter(String more) {
    return new SafetensorsWriter().metadata("mod", """
        {"version": 1, "blocks": [1], "router": "linear", "selection": "threshold", "combine": "x+f"%s}"""
        .formatted(more.replace('\'', '"')));
  }

  private static SafetensorsWriter router(SafetensorsWriter writer) {
    return writer.tensor("blk.1.mod_router.weight", DType.F32, new float[32], 1, 32);
  }

  private static SafetensorsWriter withLora() {
    return router(adapter(", 'lora': {'rank': 2, 'scale': 1.5}"));
  }

  private static Adapter parse(SafetensorsWriter writer) {
    return Adapter.parse("a.safetensors", MemorySegment.ofArray(writer.toBytes()));
  }

  private static void assertRefused(String where, String problem, SafetensorsWriter writer) {
    assertMalformed("a.safetensors: " + where, problem, () -> parse(writer).validate(CONFIG));
  }

  @Test
  void opensAFile() throws IOException {
    Path file = directory.resolve("adapter.safetensors");
    router(adapter(", 'lora': {'rank': 2, 'scale': 1.5}, 'base_sha256': '" + HASH.toUpperCase() + "'"))
        .tensor("blk.0.ffn_up.lora_a", DType.F16, new float[64], 2, 32)
        .tensor("blk.0.ffn_up.lora_b", DType.BF16, new float[128], 64, 2)
        .write(file);
    Adapter adapter = Adapter.open(file);
    adapter.validate(CONFIG);
    assertEquals(List.of(1), adapter.descriptor().blocks());
    assertEquals(1.5f, adapter.loraScale());
    assertEquals(HASH, adapter.baseSha256());
    assertEquals(
        Set.of("blk.1.mod_router.weight", "blk.0.ffn_up.lora_a", "blk.0.ffn_up.lora_b"), adapter.tensors().keySet());
    Tensor tensor = adapter.tensors().get("blk.1.mod_router.weight");
    adapter.close();
    adapter.close();
    assertThrows(IllegalStateException.class, tensor::toFloats);
  }

  private static GgufWriter gguf() {
    return new GgufWriter().put("general.type", "adapter").put("mod.version", 1).put("mod.blocks", List.of(1))
        .put("mod.router", "linear").put("mod.selection", "threshold").put("mod.threshold", 0.35).put("mod.combine", "x+f")
        .put("mod.lora.rank", 2).put("mod.lora.scale", 1.5)
        .tensor("blk.1.mod_router.weight", new float[32], 1, 32)
        .tensor("blk.0.ffn_up.lora_a", new float[64], 2, 32)
        .tensor("blk.0.ffn_up.lora_b", new float[128], 64, 2);
  }

  @Test
  void opensAGgufFile() throws IOException {
    Path file = directory.resolve("adapter.gguf");
    gguf().put("mod.base_sha256", HASH).write(file);
    assertTrue(Adapter.isAdapter(file));
    try (Adapter adapter = Adapter.open(file)) {
      adapter.validate(CONFIG);
      assertEquals(List.of(1), adapter.descriptor().blocks());
      assertEquals(List.of(0.35), adapter.descriptor().selection().thresholds());
      assertEquals(1.5f, adapter.loraScale());
      assertEquals(HASH, adapter.baseSha256());
      assertEquals(
          Set.of("blk.1.mod_router.weight", "blk.0.ffn_up.lora_a", "blk.0.ffn_up.lora_b"), adapter.tensors().keySet());
    }
    assertUnsupported(file + ": general.type is adapter", "", () -> Checkpoint.open(file));
  }

  @Test
  void ggufKeysAreThoseOfTheDescriptor() throws IOException {
    assertUnsupported("a.gguf: mod.lora.alpha is not a known property", "", () -> parse(gguf().put("mod.lora.alpha", 16)));
    assertMalformed("a.gguf: mod.lora.rank", "is 0, expected 1 to 1024", () -> parse(gguf().put("mod.lora.rank", 0)));
    assertMalformed("a.gguf: mod", "has no lora.rank or lora.scale", () -> parse(gguf().remove("mod.lora.scale")));
    assertMalformed("a.gguf: mod", "has no keys: this is no Mixture-of-Depths adapter",
        () -> parse(TinyModel.gguf("llama")));
    Path model = directory.resolve("model.gguf");
    TinyModel.gguf("llama").write(model);
    assertFalse(Adapter.isAdapter(model));
    assertFalse(Adapter.isAdapter(directory));
    assertFalse(Adapter.isAdapter(directory.resolve("none.gguf")));
  }

  private static Adapter parse(GgufWriter writer) {
    return Adapter.parse("a.gguf", MemorySegment.ofArray(writer.toBytes()));
  }

  @Test
  void anAdapterNeedNotChangeMatrices() {
    Adapter adapter = parse(router(adapter("")));
    adapter.validate(CONFIG);
    assertEquals(0, adapter.loraScale());
    assertEquals("", adapter.baseSha256());
  }

  @Test
  void theDescriptor() {
    assertRefused("__metadata__.mod", "is missing: this is no Mixture-of-Depths adapter", new SafetensorsWriter());
    assertRefused("mod", "has no keys: this is no Mixture-of-Depths adapter", new SafetensorsWriter().metadata("mod", "{}"));
    assertRefused("__metadata__.mod, line 1", "is no valid JSON", new SafetensorsWriter().metadata("mod", "{x"));
    assertRefused("__metadata__.mod", "is no JSON object", new SafetensorsWriter().metadata("mod", "1"));
    assertRefused("mod.lora.rank", "is 0, expected 1 to 1024", router(adapter(", 'lora': {'rank': 0}")));
    assertRefused("mod.lora.scale", "is Infinity, expected", router(adapter(", 'lora': {'scale': 1e999}")));
    assertRefused("mod.base_sha256", "is \"12\", expected 64 hexadecimal digits",
        router(adapter(", 'base_sha256': '12'")));
    assertUnsupported("a.safetensors: mod.lora.alpha is not a known property", "",
        () -> parse(router(adapter(", 'lora': {'alpha': 16}"))));
  }

  @Test
  void routersHaveToFit() {
    assertRefused("tensor blk.1.mod_router.weight", "is missing", adapter(""));
    assertRefused("tensor blk.1.mod_router.weight", "has the shape [1, 31], expected [1, 32]",
        adapter("").tensor("blk.1.mod_router.weight", DType.F32, new float[31], 1, 31));
    assertMalformed("mod.blocks", "holds block 9, expected 0 to 1",
        () -> parse(new SafetensorsWriter().metadata("mod", """
            {"version": 1, "blocks": [9], "router": "linear", "selection": "threshold", "combine": "x+f"}"""))
            .validate(CONFIG));
  }

  private static SafetensorsWriter withBypass(String more) {
    return router(adapter(more)).tensor("blk.1.mod_bypass_a.weight", DType.F16, new float[64], 2, 32)
        .tensor("blk.1.mod_bypass_b.weight", DType.BF16, new float[64], 32, 2);
  }

  @Test
  void bypasses() {
    parse(withBypass(", 'bypass': 'lowrank'")).validate(CONFIG);
    assertRefused("mod.bypass", "is none, but there is a tensor blk.1.mod_bypass_a.weight", withBypass(""));
    assertRefused("tensor blk.1.mod_bypass_a.weight", "is missing", router(adapter(", 'bypass': 'lowrank'")));
  }

  @Test
  void updatesComeInPairsOfTheStatedRank() {
    assertRefused("tensor blk.0.attn_q.lora_a", "has no .lora_b beside it",
        withLora().tensor("blk.0.attn_q.lora_a", DType.F32, new float[64], 2, 32));
    assertRefused("tensor blk.0.attn_q.lora_b", "has no .lora_a beside it",
        withLora().tensor("blk.0.attn_q.lora_b", DType.F32, new float[64], 32, 2));
    assertRefused("tensor blk.0.attn_q.lora_a", "has the shapes [3, 32] and [32, 3] of its factors, expected [2, in]",
        withLora().tensor("blk.0.attn_q.lora_a", DType.F32, new float[96], 3, 32)
            .tensor("blk.0.attn_q.lora_b", DType.F32, new float[96], 32, 3));
    assertRefused("tensor blk.0.attn_q.lora_a", "has the shapes [64] and [32, 2]",
        withLora().tensor("blk.0.attn_q.lora_a", DType.F32, new float[64], 64)
            .tensor("blk.0.attn_q.lora_b", DType.F32, new float[64], 32, 2));
    assertRefused("mod", "has no lora.rank or lora.scale for the updates",
        router(adapter(", 'lora': {'rank': 2}")).tensor("blk.0.attn_q.lora_a", DType.F32, new float[64], 2, 32)
            .tensor("blk.0.attn_q.lora_b", DType.F32, new float[64], 32, 2));
  }

  @Test
  void updatesFitMatricesOfTheBase() {
    assertRefused("tensor blk.2.attn_q.lora_a", "updates blk.2.attn_q.weight, which the base does not have",
        withLora().tensor("blk.2.attn_q.lora_a", DType.F32, new float[64], 2, 32)
            .tensor("blk.2.attn_q.lora_b", DType.F32, new float[64], 32, 2));
    assertRefused("tensor blk.0.attn_norm.lora_a", "updates blk.0.attn_norm.weight, which the base does not have",
        withLora().tensor("blk.0.attn_norm.lora_a", DType.F32, new float[64], 2, 32)
            .tensor("blk.0.attn_norm.lora_b", DType.F32, new float[64], 32, 2));
    assertRefused("tensor blk.0.attn_k.lora_b", "has the shape [32, 2], expected 16 instead of 32",
        withLora().tensor("blk.0.attn_k.lora_a", DType.F32, new float[64], 2, 32)
            .tensor("blk.0.attn_k.lora_b", DType.F32, new float[64], 32, 2));
    assertRefused("tensor blk.0.ffn_down.lora_a", "has the shape [2, 32], expected 64 instead of 32",
        withLora().tensor("blk.0.ffn_down.lora_a", DType.F32, new float[64], 2, 32)
            .tensor("blk.0.ffn_down.lora_b", DType.F32, new float[64], 32, 2));
  }

  @Test
  void ofExpertsTheSharedOneAloneIsUpdated() {
    GgufFile file = GgufFile.parse("base", MemorySegment.ofArray(TinyModel.gguf("qwen2moe").toBytes()));
    ModelConfig mixture = GgufConfig.read(new Metadata("base", file.metadata()), file.tensors());
    parse(withLora().tensor("blk.0.ffn_up_shexp.lora_a", DType.F32, new float[64], 2, 32)
        .tensor("blk.0.ffn_up_shexp.lora_b", DType.F32, new float[80], 40, 2)).validate(mixture);
    for (String matrix : List.of("ffn_up.3", "ffn_up_exps", "ffn_gate_inp", "ffn_gate_inp_shexp", "ffn_down")) {
      SafetensorsWriter writer = withLora().tensor("blk.0." + matrix + ".lora_a", DType.F32, new float[64], 2, 32)
          .tensor("blk.0." + matrix + ".lora_b", DType.F32, new float[48], 24, 2);
      if (matrix.equals("ffn_down")) {
        assertMalformed("tensor blk.0.ffn_down.lora_a", "updates blk.0.ffn_down.weight, which the base does not have",
            () -> parse(writer).validate(mixture));
      } else {
        assertUnsupported("tensor blk.0." + matrix + ".lora_a", "updates experts or their router",
            () -> parse(writer).validate(mixture));
      }
    }
  }

  @Test
  void otherTensorsAreRefused() {
    String neither = "is neither a router nor a bypass of a routed block, nor a low-rank update";
    assertUnsupported("a.safetensors: tensor blk.0.attn_q.weight", neither,
        () -> parse(withLora().tensor("blk.0.attn_q.weight", DType.F32, new float[1], 1)).validate(CONFIG));
    assertUnsupported("a.safetensors: tensor blk.0.mod_router.weight", neither,
        () -> parse(withLora().tensor("blk.0.mod_router.weight", DType.F32, new float[32], 1, 32)).validate(CONFIG));
    assertUnsupported("a.safetensors: tensor blk.0.mod_bypass_a.weight", neither,
        () -> parse(withBypass(", 'bypass': 'lowrank'").tensor("blk.0.mod_bypass_a.weight", DType.F16, new float[64], 2, 32))
            .validate(CONFIG));
  }
}
