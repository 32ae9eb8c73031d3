package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufExpertsTest {
  private static ModelConfig read(GgufWriter writer) {
    GgufFile file = GgufFile.parse("moe.gguf", MemorySegment.ofArray(writer.toBytes()));
    ModelConfig config = GgufConfig.read(new Metadata("moe.gguf", file.metadata()), file.tensors());
    ModelChecks.check("moe.gguf", config, 0, file.tensors(), Set.of());
    return config;
  }

  private static Experts experts(GgufWriter writer) {
    return read(writer).experts().orElseThrow();
  }

  /** Metadata as llama.cpp's converter writes it for Mixtral. */
  private static GgufWriter mixtral() {
    return TinyModel.metadata("llama").put("llama.expert_count", 4).put("llama.expert_used_count", 2);
  }

  private static GgufWriter qwen(String key, Object value) {
    return TinyModel.gguf("qwen3moe").put("qwen3moe." + key, value);
  }

  private static void assertRefused(String where, String problem, GgufWriter writer) {
    assertMalformed("moe.gguf: " + where, problem, () -> read(writer));
  }

  private static void assertNotSupported(String what, String detail, GgufWriter writer) {
    assertUnsupported("moe.gguf: " + what, detail, () -> read(writer));
  }

  @Test
  void eachArchitecture() {
    assertEquals(new Experts(4, 2, 64, 0, true, Set.of()),
        experts(TinyModel.gguf(mixtral(), TinyModel.shapes("mixtral"))));
    assertEquals(new Experts(4, 2, 24, 40, false, Set.of()), experts(TinyModel.gguf("qwen2moe")));
    assertEquals(new Experts(4, 2, 24, 0, true, Set.of()), experts(TinyModel.gguf("qwen3moe")));
    assertEquals(Optional.empty(), read(TinyModel.gguf("llama").put("llama.expert_count", 0)).experts());
  }

  @Test
  void oneTensorForEachExpert() {
    assertEquals(new Experts(4, 2, 64, 0, true, Set.of()),
        experts(TinyModel.gguf(mixtral(), TinyModel.separate(TinyModel.shapes("mixtral")))));
    Map<String, long[]> part = TinyModel.separate(TinyModel.shapes("mixtral"));
    part.remove("blk.1.ffn_down.2.weight");
    assertRefused("tensor blk.1.ffn_down.2.weight", "is missing", TinyModel.gguf(mixtral(), part));
    part.put("blk.1.ffn_down.2.weight", new long[] {64, 32});
    assertRefused("tensor blk.1.ffn_down.2.weight", "has the shape [64, 32], expected [32, 64]",
        TinyModel.gguf(mixtral(), part));
    Map<String, long[]> more = TinyModel.separate(TinyModel.shapes("mixtral"));
    more.put("blk.1.ffn_up.4.weight", new long[] {64, 32});
    assertNotSupported("tensor blk.1.ffn_up.4.weight", "is not part of a llama model", TinyModel.gguf(mixtral(), more));
    Map<String, long[]> twice = TinyModel.separate(TinyModel.shapes("mixtral"));
    twice.put("blk.0.ffn_up_exps.weight", new long[] {4, 64, 32});
    assertNotSupported("tensor blk.0.ffn_up_exps.weight", "is not part of a llama model",
        TinyModel.gguf(mixtral(), twice));
  }

  @Test
  void widthsThatAreLeftOut() {
    Map<String, long[]> shapes = TinyModel.shapes("qwen2moe");
    shapes.replaceAll((name, shape) -> switch (name.replaceAll("blk\\.\\d\\.", "")) {
      case "ffn_gate_exps.weight", "ffn_up_exps.weight" -> new long[] {4, 32, 32};
      case "ffn_down_exps.weight" -> new long[] {4, 32, 32};
      case "ffn_gate_shexp.weight", "ffn_up_shexp.weight" -> new long[] {64, 32};
      case "ffn_down_shexp.weight" -> new long[] {32, 64};
      default -> shape;
    });
    GgufWriter metadata = TinyModel.metadata("qwen2moe").remove("qwen2moe.expert_feed_forward_length")
        .remove("qwen2moe.expert_shared_feed_forward_length");
    assertEquals(new Experts(4, 2, 32, 64, false, Set.of()), experts(TinyModel.gguf(metadata, shapes)));
    assertRefused("qwen2moe.expert_feed_forward_length", "is missing",
        TinyModel.gguf(metadata.put("qwen2moe.feed_forward_length", 1), shapes));
  }

  @Test
  void blocksWithoutExperts() {
    Map<String, long[]> shapes = TinyModel.shapes("qwen3moe");
    shapes.keySet().removeIf(name -> name.startsWith("blk.0.ffn_gate") || name.endsWith("_exps.weight")
        && name.startsWith("blk.0."));
    TinyModel.mlp(shapes, "blk.0.");
    ModelConfig config = read(TinyModel.gguf(TinyModel.metadata("qwen3moe"), shapes));
    assertEquals(Set.of(0), config.experts().orElseThrow().denseBlocks());
    assertEquals(Optional.empty(), config.experts(0));
    assertEquals(config.experts(), config.experts(1));
  }

  @Test
  void theRouterHasRowsForNoopExperts() {
    GgufFile file = GgufFile.parse("moe.gguf", MemorySegment.ofArray(TinyModel.gguf("qwen3moe")
        .tensor("blk.0.ffn_gate_inp.weight", new float[7 * 32], 7, 32)
        .tensor("blk.1.ffn_gate_inp.weight", new float[7 * 32], 7, 32).toBytes()));
    ModelConfig config = GgufConfig.read(new Metadata("moe.gguf", file.metadata()), file.tensors());
    ModelChecks.check("moe.gguf", config, 3, file.tensors(), Set.of());
    assertMalformed("moe.gguf: tensor blk.0.ffn_gate_inp.weight", "has the shape [7, 32], expected [4, 32]",
        () -> ModelChecks.check("moe.gguf", config, 0, file.tensors(), Set.of()));
  }

  @Test
  void theSharedExpertsGateMayBeAMatrix() {
    GgufWriter writer = TinyModel.gguf("qwen2moe").tensor("blk.0.ffn_gate_inp_shexp.weight", new float[32], 1, 32);
    assertEquals(40, experts(writer).sharedFeedForward());
  }

  @Test
  void whatTheFileSaysOfTheWeights() {
    assertEquals(false, experts(qwen("expert_weights_norm", false)).normalised());
    assertEquals(true, experts(TinyModel.gguf("qwen2moe").put("qwen2moe.expert_weights_norm", true)).normalised());
    experts(qwen("expert_weights_scale", 1f).put("qwen3moe.expert_gating_func", 1));
    experts(qwen("expert_weights_scale", 0f).put("qwen3moe.expert_gating_func", 0));
    assertNotSupported("qwen3moe.expert_weights_scale is 2.5", "supported is 1", qwen("expert_weights_scale", 2.5f));
    assertNotSupported("qwen3moe.expert_gating_func is 2", "supported is 1, softmax", qwen("expert_gating_func", 2));
    assertNotSupported("qwen3moe.expert_group_count is 2", "not supported", qwen("expert_group_count", 2));
    assertRefused("qwen3moe.expert_weights_scale", "is NaN, expected", qwen("expert_weights_scale", Float.NaN));
    assertRefused("qwen3moe.expert_weights_norm", "is 1, expected true or false", qwen("expert_weights_norm", 1));
  }

  @ParameterizedTest
  @CsvSource({"expert_count, 0", "expert_count, 513", "expert_count, -1", "expert_used_count, 0",
      "expert_used_count, 5", "expert_feed_forward_length, 0", "expert_feed_forward_length, 2000000000",
      "expert_group_count, -1"})
  void countsAreSmallPositiveIntegers(String name, int value) {
    assertRefused("qwen3moe." + name, "is " + value + ", expected ", qwen(name, value));
    assertRefused("qwen3moe." + name, "is \"4\", expected an integer", qwen(name, "4"));
  }

  @Test
  void refusals() {
    assertRefused("qwen3moe.expert_count", "is missing", TinyModel.gguf("qwen3moe").remove("qwen3moe.expert_count"));
    assertRefused("qwen3moe.expert_used_count", "is missing",
        TinyModel.gguf("qwen3moe").remove("qwen3moe.expert_used_count"));
    assertEquals(24, experts(qwen("expert_feed_forward_length", List.of(24, 24))).feedForward());
    assertNotSupported("qwen3moe.expert_feed_forward_length differs from block to block", "",
        qwen("expert_feed_forward_length", List.of(24, 32)));
    assertRefused("qwen2moe.expert_shared_feed_forward_length", "is 0, expected 1 to",
        TinyModel.gguf("qwen2moe").put("qwen2moe.expert_shared_feed_forward_length", 0));
    assertNotSupported("qwen2.expert_count is 8", "experts in a qwen2 model are not supported",
        TinyModel.gguf("qwen2").put("qwen2.expert_count", 8));
    assertNotSupported("tensor blk.0.ffn_gate_shexp.weight", "is not part of a qwen3moe model",
        TinyModel.gguf("qwen3moe").tensor("blk.0.ffn_gate_shexp.weight", new float[32], 1, 32));
    assertNotSupported("tensor blk.1.ffn_up.weight", "is not part of a qwen3moe model",
        TinyModel.gguf("qwen3moe").tensor("blk.1.ffn_up.weight", new float[32], 1, 32));
  }
}
