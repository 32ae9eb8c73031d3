package dev.depths.tools;

import dev.depths.loader.Checkpoint;
import dev.depths.loader.DType;
import dev.depths.loader.Tensor;
import dev.depths.runtime.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/**
 * A measured model's description.
 *
 * @param file where it is
 * @param type for people: architecture, parameters, the type of most weights, and whether it is MoD
 * @param bytes of its tensors
 * @param parameters its tensors' elements
 */
record BenchModel(String file, String type, long bytes, long parameters) {
  static BenchModel of(Model model, Path path) throws IOException {
    try (Checkpoint checkpoint = Checkpoint.open(path)) {
      Map<DType, Long> types = new EnumMap<>(DType.class);
      long bytes = 0;
      long parameters = 0;
      for (Tensor tensor : checkpoint.tensors().values()) {
        long elements = tensor.rows() * tensor.columns();
        types.merge(tensor.type(), elements, Long::sum);
        bytes += tensor.data().byteSize();
        parameters += elements;
      }
      String mostly = types.entrySet().stream().max(Comparator.comparingLong(Map.Entry::getValue))
          .map(entry -> " " + entry.getKey()).orElse("");
      String type = checkpoint.config().architecture() + " " + size(parameters) + mostly
          + (model.mod().isPresent() ? " MoD" : "");
      return new BenchModel(path.toString(), type, bytes, parameters);
    }
  }

  private static String size(long parameters) {
    return parameters < 1_000_000_000
        ? Math.round(parameters / 1e6) + "M"
        : String.format(Locale.ROOT, "%.1fB", parameters / 1e9);
  }
}
