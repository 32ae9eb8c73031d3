package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Selection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Checks a descriptor's own tensors against the model they route. Names, {@code blk.N.} before each unless the router
 * is shared: {@code mod_router.weight} [1, d] and optionally {@code .bias} [1] for linear routers, [2, d] and [2] for
 * linear2; {@code mod_router_up} [h, d] and {@code mod_router_down} [1, h], each with an optional bias, for mlp; {@code
 * mod_predictor_up} and {@code mod_predictor_down} likewise for predictors.
 */
final class ModTensors {
  private static final int MAX_HIDDEN = 1 << 10;

  private final Object file;
  private final Map<String, Tensor> tensors;
  private final Set<String> seen = new LinkedHashSet<>();

  private ModTensors(Object file, Map<String, Tensor> tensors) {
    this.file = file;
    this.tensors = tensors;
  }

  /** Checks all, and returns the names of the tensors that are the descriptor's. */
  static Set<String> check(Object file, ModDescriptor mod, ModelConfig config, Map<String, Tensor> tensors) {
    for (int block : mod.blocks()) {
      if (block >= config.blocks()) {
        throw new MalformedFileException(
            file, "mod.blocks", "holds block " + block + ", expected 0 to " + (config.blocks() - 1));
      }
    }
    ModTensors checks = new ModTensors(file, tensors);
    if (mod.sharedRouter()) {
      checks.routed(mod, "", config.embedding());
    } else {
      mod.blocks().forEach(block -> checks.routed(mod, "blk." + block + '.', config.embedding()));
    }
    return checks.seen;
  }

  private void routed(ModDescriptor mod, String prefix, long width) {
    switch (mod.router()) {
      case LINEAR -> linear(prefix + "mod_router", 1, width);
      case LINEAR2 -> linear(prefix + "mod_router", 2, width);
      case MLP -> mlp(prefix + "mod_router", width);
    }
    if (mod.selection() == Selection.PREDICTOR) {
      mlp(prefix + "mod_predictor", width);
    }
  }

  private void mlp(String name, long width) {
    Tensor up = require(name + "_up.weight");
    if (up.rows() > MAX_HIDDEN) {
      throw new MalformedFileException(
          file, "tensor " + up.name(), "has " + up.rows() + " rows, expected at most " + MAX_HIDDEN);
    }
    linear(name + "_up", up.rows(), width);
    linear(name + "_down", 1, up.rows());
  }

  private void linear(String name, long rows, long columns) {
    shape(require(name + ".weight"), List.of(rows, columns));
    Tensor bias = tensors.get(name + ".bias");
    if (bias != null) {
      shape(bias, List.of(rows));
    }
  }

  private Tensor require(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new MalformedFileException(file, "tensor " + name, "is missing");
    }
    return tensor;
  }

  private void shape(Tensor tensor, List<Long> expected) {
    if (!tensor.fits(expected)) {
      throw new MalformedFileException(
          file, "tensor " + tensor.name(), "has the shape " + tensor.shape() + ", expected " + expected);
    }
    seen.add(tensor.name());
  }
}
