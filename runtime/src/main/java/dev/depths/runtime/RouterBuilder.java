package dev.depths.runtime;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Router.Activation;
import dev.depths.loader.ModDescriptor.Router.Form;
import dev.depths.loader.Tensor;

/** Makes routers of their tensors, whose names and shapes the loader has checked. */
final class RouterBuilder {
  /** Finds a tensor by name; null if there is none. */
  @FunctionalInterface
  interface Tensors {
    Tensor find(String name);
  }

  private final Tensors tensors;
  private final float epsilon;
  /** Those that serve all blocks, when they are made. */
  private PartRouter[] shared;

  RouterBuilder(Tensors tensors, float epsilon) {
    this.tensors = tensors;
    this.epsilon = epsilon;
  }

  /** The routers of a block's routed parts. */
  PartRouter[] of(String prefix, ModDescriptor mod) {
    if (!mod.router().shared()) {
      return make(prefix, mod);
    }
    if (shared == null) {
      shared = make("", mod);
    }
    return shared;
  }

  private PartRouter[] make(String prefix, ModDescriptor mod) {
    boolean halves = mod.part() == Part.EACH_HALF;
    PartRouter[] routers = new PartRouter[halves ? 2 : 1];
    for (int i = 0; i < routers.length; i++) {
      String name = prefix + "mod_" + (!halves ? "" : i == 0 ? "attn_" : "mlp_");
      routers[i] = new PartRouter(router(name + "router", mod), predictor(name + "predictor"));
    }
    return routers;
  }

  private Router router(String name, ModDescriptor mod) {
    return mod.router().form() == Form.MLP ? twoLayers(name, mod.router().activation())
        : new Router.OneLayer(score(name + ".weight"), bias(name));
  }

  private Router predictor(String name) {
    return tensors.find(name + "_up.weight") == null ? null : twoLayers(name, Activation.SILU);
  }

  private Router twoLayers(String name, Activation activation) {
    Tensor up = tensors.find(name + "_up.weight");
    Tensor upBias = tensors.find(name + "_up.bias");
    Tensor norm = tensors.find(name + "_norm.weight");
    return new Router.TwoLayers(up.toFloats(), upBias == null ? new float[Math.toIntExact(up.rows())] : upBias.toFloats(),
        norm == null ? null : norm.toFloats(), epsilon, activation, score(name + "_down.weight"), bias(name + "_down"));
  }

  private float bias(String name) {
    return tensors.find(name + ".bias") == null ? 0 : score(name + ".bias")[0];
  }

  /** Weights of a score: one row as it is, of two classes the second less the first. */
  private float[] score(String name) {
    Tensor tensor = tensors.find(name);
    float[] values = tensor.toFloats();
    boolean bias = name.endsWith(".bias");
    if (bias ? values.length == 1 : tensor.rows() == 1) {
      return values;
    }
    float[] difference = new float[values.length / 2];
    for (int i = 0; i < difference.length; i++) {
      difference[i] = values[difference.length + i] - values[i];
    }
    return difference;
  }
}
