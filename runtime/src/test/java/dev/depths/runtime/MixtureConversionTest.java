package dev.depths.runtime;

import dev.depths.loader.DType;
import dev.depths.loader.ModelConfig.Rope;
import dev.depths.loader.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Converted mixtures of experts compute what their sources do. */
class MixtureConversionTest {
  private static final int EXPERTS = 5;
  private static final int WIDTH = 24;
  private static final int SHARED_WIDTH = 40;
  private static final Map<String, TinyModel.Shape> SHAPES = Map.of(
      "mixtral", new TinyModel.Shape("llama", Rope.Layout.HALVES, 3, 64, 96, 4, 2, 16, 53, false),
      "qwen2_moe", TinyModel.QWEN2, "qwen3_moe", TinyModel.QWEN3);

  @TempDir
  private Path directory;

  /** @param dense a block without experts, or -1 */
  private Path write(String modelType, TinyModel model, DType type, int dense) throws IOException {
    Random random = new Random(3);
    List<Tensor> tensors = new ArrayList<>();
    model.tensors().forEach((name, tensor) -> {
      if (!name.matches("blk\\..*ffn_(gate|up|down)\\.weight") || name.startsWith("blk." + dense + ".")) {
        tensors.add(new Tensor(Conversions.huggingFaceName(name), tensor.type(), tensor.shape(), tensor.data()));
      }
    });
    for (int block = 0; block < model.config().blocks(); block++) {
      if (block != dense) {
        addExperts(tensors, "model.layers." + block + ".", modelType, model, type, random);
      }
    }
    Path target = Files.createDirectory(directory.resolve("model"));
    Safetensors.write(target.resolve("model.safetensors"), "", name -> name, tensors);
    Files.writeString(target.resolve("config.json"), Conversions.huggingFaceConfig(modelType, model.config(), """
        , "num_local_experts": %d, "num_experts": %1$d, "num_experts_per_tok": 2, "moe_intermediate_size": %d,
        "shared_expert_intermediate_size": %d, "norm_topk_prob": %s, "mlp_only_layers": [%s]"""
        .formatted(EXPERTS, WIDTH, SHARED_WIDTH, !modelType.equals("qwen2_moe"), dense < 0 ? "" : dense)));
    return target;
  }

  private static void addExperts(
      List<Tensor> tensors, String layer, String modelType, TinyModel model, DType type, Random random) {
    int d = model.config().embedding();
    boolean mixtral = modelType.equals("mixtral");
    String mlp = layer + (mixtral ? "block_sparse_moe." : "mlp.");
    tensors.add(matrix(mlp + "gate", type, EXPERTS, d, random));
    for (int expert = 0; expert < EXPERTS; expert++) {
      add(tensors, mlp + "experts." + expert + '.', mixtral ? List.of("w1", "w3", "w2") : List.of("gate_proj", "up_proj",
          "down_proj"), type, mixtral ? model.config().feedForward() : WIDTH, d, random);
    }
    if (modelType.equals("qwen2_moe")) {
      tensors.add(matrix(mlp + "shared_expert_gate", type, 1, d, random));
      add(tensors, mlp + "shared_expert.", List.of("gate_proj", "up_proj", "down_proj"), type, SHARED_WIDTH, d, random);
    }
  }

  private static void add(
      List<Tensor> tensors, String prefix, List<String> names, DType type, int width, int d, Random random) {
    tensors.add(matrix(prefix + names.get(0), type, width, d, random));
    tensors.add(matrix(prefix + names.get(1), type, width, d, random));
    tensors.add(matrix(prefix + names.get(2), type, d, width, random));
  }

  private static Tensor matrix(String name, DType type, int rows, int columns, Random random) {
    return RandomTensors.matrix(name + ".weight", type, rows, columns, 1.5 / Math.sqrt(columns), random);
  }

  @ParameterizedTest
  @CsvSource({"mixtral, BF16, -1", "qwen2_moe, F16, -1", "qwen2_moe, F32, 1", "qwen3_moe, BF16, -1", "qwen3_moe, F32, 0"})
  void directories(String modelType, DType type, int dense) throws IOException {
    TinyModel model = TinyModel.dense(SHAPES.get(modelType), type, 1);
    Path source = write(modelType, model, type, dense);
    int[] tokens = model.tokens(40, 2);
    Path out = directory.resolve("out.gguf");
    Conversions.convert(source, null, null, out);
    Conversions.assertSame(Conversions.logits(source, null, Routing.model(), tokens),
        Conversions.logits(out, null, Routing.model(), tokens));
  }
}
