package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Bypass;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Rule;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Checks a descriptor's own tensors, whose names and shapes are in {@code MOD-SCHEMA.md}, against the model they route. */
final class ModTensors {
  private static final int MAX_HIDDEN = 1 << 14;
  private static final Pattern BYPASS = Pattern.compile("blk\\.\\d+\\.mod_(attn_|mlp_)?bypass_[ab]\\.weight");
  private static final Set<DType> FLOATS = EnumSet.of(DType.F32, DType.F16, DType.BF16);

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
    if (mod.noopExperts() > 0 && config.experts().isEmpty()) {
      throw new MalformedFileException(
          file, "mod.noop_experts", "is " + mod.noopExperts() + ", but the model has no experts beside them");
    }
    requireStatedBypass(file, mod, tensors.keySet());
    ModTensors checks = new ModTensors(file, tensors);
    if (mod.router().shared()) {
      checks.routed(mod, "", config.embedding());
    } else {
      mod.blocks().forEach(block -> checks.routed(mod, "blk." + block + '.', config.embedding()));
    }
    if (mod.bypass() == Bypass.LOWRANK) {
      mod.blocks().forEach(block -> halves(mod).forEach(
          half -> checks.bypass("blk." + block + ".mod_" + half + "bypass_", config.embedding())));
    }
    return checks.seen;
  }

  /** Whether a name is that of a tensor of a block's bypass. */
  static boolean isBypass(String name) {
    return BYPASS.matcher(name).matches();
  }

  /** A bypass that is there but not stated is one that would not be computed. */
  private static void requireStatedBypass(Object file, ModDescriptor mod, Set<String> names) {
    names.stream().filter(name -> mod.bypass() == Bypass.NONE && isBypass(name)).findFirst().ifPresent(name -> {
      throw new MalformedFileException(file, "mod.bypass", "is none, but there is a tensor " + name);
    });
  }

  /** How names tell the routed parts of a block apart. */
  private static List<String> halves(ModDescriptor mod) {
    return mod.part() == Part.EACH_HALF ? List.of("attn_", "mlp_") : List.of("");
  }

  private void routed(ModDescriptor mod, String prefix, long width) {
    for (String half : halves(mod)) {
      String router = prefix + "mod_" + half + "router";
      switch (mod.router().form()) {
        case LINEAR -> linear(router, 1, width);
        case LINEAR2 -> linear(router, 2, width);
        case MLP -> mlp(router, width);
      }
      String predictor = prefix + "mod_" + half + "predictor";
      // A model may bring one that only those use who ask for it.
      if (mod.selection().causal() == Rule.PREDICTOR || tensors.containsKey(predictor + "_up.weight")) {
        mlp(predictor, width);
      }
    }
  }

  private void mlp(String name, long width) {
    Tensor up = require(name + "_up.weight");
    if (up.rows() > MAX_HIDDEN) {
      throw new MalformedFileException(
          file, "tensor " + up.name(), "has " + up.rows() + " rows, expected at most " + MAX_HIDDEN);
    }
    linear(name + "_up", up.rows(), width);
    Tensor norm = tensors.get(name + "_norm.weight");
    if (norm != null) {
      shape(norm, List.of(up.rows()));
    }
    // Two rows are two classes.
    linear(name + "_down", require(name + "_down.weight").rows() == 2 ? 2 : 1, up.rows());
  }

  private void bypass(String name, long width) {
    Tensor a = require(name + "a.weight");
    Tensor b = require(name + "b.weight");
    if (a.rows() > Limits.RANK) {
      throw new MalformedFileException(
          file, "tensor " + a.name(), "has " + a.rows() + " rows, expected at most " + Limits.RANK);
    }
    shape(a, List.of(a.rows(), width));
    shape(b, List.of(width, a.rows()));
    for (Tensor factor : List.of(a, b)) {
      if (!FLOATS.contains(factor.type())) {
        throw new UnsupportedModelException(
            file, "tensor " + factor.name() + " is of the type " + factor.type() + ", expected one of " + FLOATS);
      }
    }
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
