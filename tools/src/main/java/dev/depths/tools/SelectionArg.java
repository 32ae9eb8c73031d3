package dev.depths.tools;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import java.util.Locale;

/** By which rule routed blocks choose tokens. */
final class SelectionArg {
  private final Command command;
  private final Arg<String> selection;
  private final boolean scoring;

  private SelectionArg(Command command, boolean scoring, String description) {
    this.command = command;
    this.scoring = scoring;
    selection = Arg.option(String.class, "--selection").label("RULE").addTo(command, description);
  }

  /** For commands that generate, which takes a causal rule. */
  static SelectionArg forGeneration(Command command) {
    return new SelectionArg(command, false,
        "Choose tokens by threshold or predictor instead of the model's own rule, as far as it has what that takes.");
  }

  /** For commands that score whole sequences. */
  static SelectionArg forScoring(Command command) {
    return new SelectionArg(command, true,
        "Choose tokens by topk, threshold or predictor instead of the model's own rule.");
  }

  /** What was asked for, or null. */
  private Rule rule() {
    String value = selection.value();
    if (value == null) {
      return null;
    }
    return switch (value) {
      case "threshold" -> Rule.THRESHOLD;
      case "predictor" -> Rule.PREDICTOR;
      case "topk" -> {
        if (!scoring) {
          throw command.usage("--selection topk looks at tokens to come: it scores, and cannot generate");
        }
        yield Rule.TOPK;
      }
      default -> throw command.usage("--selection must be " + (scoring ? "topk, " : "") + "threshold or predictor, not '"
          + value.toLowerCase(Locale.ROOT) + "'");
    };
  }

  /** Finds a mistake before anything is opened. */
  void check() {
    rule();
  }

  /** The routing of a session that generates. */
  Routing routing() {
    return rule() == null ? Routing.model() : Routing.model(rule());
  }

  /** The routing of a session that scores with a model: the rule that the model was trained with, if none was asked for. */
  Routing routing(Model model) {
    return rule() == null ? trained(model) : Routing.model(rule());
  }

  /** The rule of a session that scores with a routed model; see {@link #routing(Model)}. */
  Rule rule(ModDescriptor mod) {
    return rule() == null ? mod.selection().rule() : rule();
  }

  /** The causal rule of a routed model's scores, or null if it has none and none was asked for. */
  Rule causalRule(ModDescriptor mod) {
    return rule() == null ? mod.selection().causal() : rule();
  }

  /** Whether a rule was asked for. */
  boolean isGiven() {
    return selection.value() != null;
  }

  /** The routing by the rule that a model was trained with. */
  static Routing trained(Model model) {
    ModDescriptor mod = model.mod().orElse(null);
    return mod == null ? Routing.model() : Routing.model(mod.selection().rule());
  }
}
