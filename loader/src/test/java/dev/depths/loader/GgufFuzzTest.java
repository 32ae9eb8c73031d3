package dev.depths.loader;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever the bytes, parsing a GGUF file ends in a model or in a {@link LoadException}, soon and in little memory. */
class GgufFuzzTest {
  static Stream<Arguments> seeds() {
    GgufWriter routed = TinyModel.gguf("llama")
        .put("tokenizer.ggml.tokens", Collections.nCopies(TinyModel.VOCABULARY, "t"))
        .put("llama.rope.scaling.type", "yarn").put("llama.rope.scaling.factor", 4f)
        .put("mod.version", 1).put("mod.blocks", List.of(1)).put("mod.capacity", 0.5f).put("mod.router", "linear")
        .put("mod.selection", "topk").put("mod.combine", "x+r*f").alignment(64)
        .tensor("rope_freqs.weight", new float[] {1, 1, 1, 1}, 4)
        .tensor("blk.1.mod_router.weight", new float[TinyModel.EMBEDDING], TinyModel.EMBEDDING);
    GgufWriter values = new GgufWriter().put("general.architecture", "llama").put("nested", List.of(List.of(1)))
        .put("f64", 1.0).put("bools", List.of(true)).putArray("u64s", GgufType.UINT64, List.of(1))
        .tensor("q", DType.Q4_K, new byte[144], 1, 256);
    GgufWriter separate = TinyModel.gguf(
        TinyModel.metadata("llama").put("llama.expert_count", 4).put("llama.expert_used_count", 2),
        TinyModel.separate(TinyModel.shapes("mixtral")));
    GgufWriter stacked = TinyModel.gguf("qwen2moe").put("qwen2moe.expert_weights_scale", 1f)
        .put("qwen2moe.expert_gating_func", 1).put("qwen2moe.expert_weights_norm", true);
    return Stream.of(TinyModel.gguf("qwen2"), TinyModel.gguf("qwen3"), routed, values, separate, stacked)
        .map(writer -> Arguments.of((Object) writer.toBytes()));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void parse(byte[] data) {
    try {
      GgufFile file = GgufFile.parse("fuzz.gguf", MemorySegment.ofArray(data));
      for (Object value : file.metadata().values()) {
        if (value instanceof List<?> list) {
          list.forEach(Object::toString);
        }
      }
      file.tensors().values().forEach(Tensor::toFloats);
      Metadata metadata = new Metadata("fuzz.gguf", file.metadata());
      ModelConfig config = GgufConfig.read(metadata, file.tensors());
      Set<String> routers = ModReader.read(metadata, Set.of())
          .map(mod -> ModTensors.check("fuzz.gguf", mod, config, file.tensors())).orElse(Set.of());
      ModelChecks.check("fuzz.gguf", config, 0, file.tensors(), routers);
      for (int block = 0; block < config.blocks(); block++) {
        for (int expert = 0; expert < config.experts(block).map(Experts::count).orElse(0); expert++) {
          ExpertMatrix.DOWN.find(file.tensors(), block, expert).toFloats();
        }
      }
    } catch (LoadException expected) {
      // What a malformed file is for.
    }
  }
}
