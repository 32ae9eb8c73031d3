package dev.depths.runtime;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Combine.Gate;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.UnsupportedModelException;

/** What chooses the tokens of a sequence in each routed part, by what a session asks for and what the model is. */
final class Routings {
  private static final String DESCRIPTOR = "Mixture-of-Depths descriptor";

  private Routings() {}

  /**
   * By block, then by routed part; null for blocks that every token runs.
   *
   * @param thresholds for each routed block instead of the model's, which may change from pass to pass; or null
   * @throws UnsupportedModelException if the model does not have what the rule asks for
   */
  static BlockRouting[][] of(Model model, Routing asked, double[] thresholds) {
    BlockRouting[][] routing = new BlockRouting[model.config().blocks()][];
    ModDescriptor mod = model.mod().orElse(null);
    if (thresholds != null) {
      requireThresholds(mod, thresholds.length);
    }
    if (mod == null) {
      for (int b = 1; b < routing.length && asked instanceof Routing.Stochastic; b += 2) {
        routing[b] = new BlockRouting[] {new BlockRouting(selector(model, asked, null, b, 0, 0), Gate.ONE, null)};
      }
      return routing;
    }
    for (int i = 0; i < mod.blocks().size(); i++) {
      int b = mod.blocks().get(i);
      BlockRouting[] parts = new BlockRouting[mod.part() == Part.EACH_HALF ? 2 : 1];
      for (int p = 0; p < parts.length; p++) {
        parts[p] = new BlockRouting(selector(model, asked, thresholds, b, i, p), mod.combine().gate(), ruleOf(mod, asked));
      }
      routing[b] = parts;
    }
    return routing;
  }

  /** The rule by which the model's own routers choose; null if they do not. */
  static Rule ruleOf(ModDescriptor mod, Routing asked) {
    return mod == null ? null : switch (asked) {
      case Routing.Learned l -> l.rule() != null ? l.rule() : mod.selection().causal();
      case Routing.Thresholds t -> t.rule();
      case Routing.Budget b -> b.dial().rule();
      case Routing.Dense _, Routing.AllSkip _, Routing.Stochastic _ -> null;
    };
  }

  private static void requireThresholds(ModDescriptor mod, int thresholds) {
    if (mod == null || mod.unit() == ModDescriptor.Unit.SEQUENCE) {
      throw new UnsupportedModelException(DESCRIPTOR, mod == null ? "the model has no routed blocks to set thresholds of"
          : "whole sequences are decided on at once, not by thresholds that are set");
    }
    if (thresholds != mod.blocks().size()) {
      throw new IllegalArgumentException("there are thresholds for " + thresholds + " routed blocks, of which the model has "
          + mod.blocks().size());
    }
  }

  /**
   * Which part of a block the {@code p}-th routed one is.
   *
   * @param part what the model routes
   */
  static Part part(Part part, int p) {
    return part != Part.EACH_HALF ? part : p == 0 ? Part.ATTENTION : Part.MLP;
  }

  private static Selector selector(
      Model model, Routing asked, double[] thresholds, int block, int index, int part) {
    if (asked instanceof Routing.Dense || asked instanceof Routing.AllSkip) {
      return new Selector.Every(asked instanceof Routing.Dense);
    }
    if (asked instanceof Routing.Stochastic s) {
      // A stream of its own for each part, so that they choose independently.
      return new Selector.Random(s.rate(), (s.seed() * 31 + block) * 2 + part);
    }
    ModDescriptor mod = model.mod().orElseThrow();
    Selection selection = mod.selection();
    Rule rule = ruleOf(mod, asked);
    if (rule == null) {
      throw new UnsupportedModelException(DESCRIPTOR, "the model selects by top-k over a whole sequence, which depends on "
          + "tokens to come, and names no causal rule for generation; it can be scored, or run with the selection threshold"
          + (hasPredictor(model, block, part) ? " or predictor" : ""));
    }
    if (rule == Rule.PREDICTOR && !hasPredictor(model, block, part)) {
      throw new UnsupportedModelException(DESCRIPTOR, "the model has no predictor in block " + block + " to select by");
    }
    if (rule == Rule.TOPK) {
      if (selection.capacities().isEmpty()) {
        throw new UnsupportedModelException(DESCRIPTOR, "the model states no capacity for top-k");
      }
      if (mod.unit() == ModDescriptor.Unit.SEQUENCE) {
        throw new UnsupportedModelException(DESCRIPTOR, "top-k does not choose among whole sequences");
      }
      return new Selector.TopK(selection.capacities().get(index), selection);
    }
    return thresholds == null ? Selector.Threshold.of(selection, index)
        : new Selector.Dialled(thresholds, index, selection.inclusive(), selection.initialTokens());
  }

  private static boolean hasPredictor(Model model, int block, int part) {
    return model.weights().blocks().get(block).routers()[part].predictor() != null;
  }
}
