package dev.depths.loader;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever the bytes, opening an adapter, safetensors or GGUF, ends in an adapter or in a {@link LoadException}. */
class AdapterFuzzTest {
  private static final ModelConfig CONFIG;

  static {
    GgufFile file = GgufFile.parse("tiny", MemorySegment.ofArray(TinyModel.gguf("llama").toBytes()));
    CONFIG = GgufConfig.read(new Metadata("tiny", file.metadata()), file.tensors());
  }

  static Stream<Arguments> seeds() {
    SafetensorsWriter adapter = new SafetensorsWriter().metadata("mod", """
        {"version": 1, "blocks": [0, 1], "capacity": 0.5, "router": "linear", "selection": "threshold",
         "combine": "x+f", "bypass": "lowrank", "lora": {"rank": 1, "scale": 2.0}}""".replace("\n", " "))
        .tensor("blk.0.mod_router.weight", DType.F32, new float[32], 1, 32)
        .tensor("blk.1.mod_router.weight", DType.BF16, new float[32], 1, 32)
        .tensor("blk.0.mod_bypass_a.weight", DType.F16, new float[32], 1, 32)
        .tensor("blk.0.mod_bypass_b.weight", DType.F16, new float[32], 32, 1)
        .tensor("blk.1.mod_bypass_a.weight", DType.BF16, new float[64], 2, 32)
        .tensor("blk.1.mod_bypass_b.weight", DType.F32, new float[64], 32, 2)
        .tensor("blk.1.attn_k.lora_a", DType.F16, new float[32], 1, 32)
        .tensor("blk.1.attn_k.lora_b", DType.F16, new float[16], 16, 1);
    GgufWriter gguf = new GgufWriter().put("general.type", "adapter").put("mod.version", 1).put("mod.blocks", List.of(1))
        .put("mod.router", "linear").put("mod.selection", "threshold").put("mod.combine", "x+f")
        .put("mod.lora.rank", 1).put("mod.lora.scale", 2.0)
        .tensor("blk.1.mod_router.weight", new float[32], 1, 32)
        .tensor("blk.1.attn_k.lora_a", new float[32], 1, 32)
        .tensor("blk.1.attn_k.lora_b", new float[16], 16, 1);
    return Stream.of(new SafetensorsWriter().toBytes(), adapter.toBytes(), gguf.toBytes())
        .map(bytes -> Arguments.of((Object) bytes));
  }

  @MethodSource("seeds")
  @FuzzTest(maxDuration = "5m")
  void open(byte[] data) {
    try (Adapter adapter = Adapter.parse("fuzz", MemorySegment.ofArray(data))) {
      adapter.validate(CONFIG);
      adapter.tensors().values().forEach(Tensor::toFloats);
    } catch (LoadException expected) {
      // What a malformed file is for.
    }
  }
}
