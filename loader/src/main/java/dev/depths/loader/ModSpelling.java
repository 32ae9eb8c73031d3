package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Bypass;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router.Activation;
import dev.depths.loader.ModDescriptor.Router.Form;
import dev.depths.loader.ModDescriptor.Rounding;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Ties;
import dev.depths.loader.ModDescriptor.Unit;
import java.util.LinkedHashMap;
import java.util.Map;

/** How {@code MOD-SCHEMA.md} spells the values of a descriptor, white space left out. */
final class ModSpelling {
  static final Map<String, Granularity> GRANULARITIES = Map.of(
      "block/token", new Granularity(Part.BLOCK, Unit.TOKEN),
      "attention/token", new Granularity(Part.ATTENTION, Unit.TOKEN),
      "mlp/token", new Granularity(Part.MLP, Unit.TOKEN),
      "attention+mlp/token", new Granularity(Part.EACH_HALF, Unit.TOKEN),
      "block/sequence", new Granularity(Part.BLOCK, Unit.SEQUENCE),
      "attention/sequence", new Granularity(Part.ATTENTION, Unit.SEQUENCE),
      "mlp/sequence", new Granularity(Part.MLP, Unit.SEQUENCE),
      "attention+mlp/sequence", new Granularity(Part.EACH_HALF, Unit.SEQUENCE));
  static final Map<String, Form> ROUTERS = Map.of("linear", Form.LINEAR, "linear2", Form.LINEAR2, "mlp", Form.MLP);
  static final Map<String, Activation> ACTIVATIONS = Map.of("silu", Activation.SILU, "relu", Activation.RELU, "gelu",
      Activation.GELU, "tanh", Activation.TANH, "identity", Activation.IDENTITY);
  /** Whether the router's input is normed. */
  static final Map<String, Boolean> INPUTS = Map.of("residual", false, "normed", true);
  static final Map<String, Rule> CAUSAL_RULES = Map.of("threshold", Rule.THRESHOLD, "predictor", Rule.PREDICTOR);
  static final Map<String, Rule> RULES =
      Map.of("topk", Rule.TOPK, "threshold", Rule.THRESHOLD, "predictor", Rule.PREDICTOR);
  static final Map<String, Rounding> ROUNDINGS =
      Map.of("floor", Rounding.FLOOR, "ceil", Rounding.CEIL, "round", Rounding.ROUND);
  static final Map<String, Ties> TIES = Map.of("first", Ties.FIRST, "above", Ties.ABOVE, "all", Ties.ALL);
  static final Map<String, Combine> COMBINES = combines();
  static final Map<String, Positions> POSITIONS =
      Map.of("original", Positions.ORIGINAL, "compacted", Positions.COMPACTED);
  static final Map<String, SkippedKv> SKIPPED_KV =
      Map.of("absent", SkippedKv.ABSENT, "projected", SkippedKv.PROJECTED);
  static final Map<String, Bypass> BYPASSES = Map.of("none", Bypass.NONE, "lowrank", Bypass.LOWRANK);

  /** What is routed of a block, and by what unit. */
  record Granularity(Part part, Unit unit) {}

  private ModSpelling() {}

  private static Map<String, Combine> combines() {
    // In this order: of two spellings of a value the first is written.
    Map<String, Combine> known = new LinkedHashMap<>();
    for (Combine.Gate gate : Combine.Gate.values()) {
      String g = switch (gate) {
        case ONE -> "";
        case SCORE -> "r*";
        case SIGMOID -> "sigmoid(r)*";
        case SOFTMAX -> "softmax(r)*";
        case TANH -> "(1+0.2*tanh(r))*";
      };
      known.put("x+" + g + "f", new Combine(Combine.Form.ADD, gate));
      known.put(g + "(x+f)", g.isEmpty() ? Combine.HARD : new Combine(Combine.Form.SCALE_BLOCK, gate));
      known.put("x+" + g + "(x+f)", new Combine(Combine.Form.ADD_BLOCK, gate));
      known.put("x+a+" + g + "m", new Combine(Combine.Form.GATE_MLP, gate));
      known.put("x+x+a+" + g + "m", new Combine(Combine.Form.ADD_GATED_MLP, gate));
    }
    known.put("mlp_gate", new Combine(Combine.Form.GATE_MLP, Combine.Gate.SIGMOID));
    return known;
  }

  /** How a value is written. */
  static <E> String of(E value, Map<String, E> known) {
    return known.entrySet().stream().filter(e -> e.getValue().equals(value)).findFirst().orElseThrow().getKey();
  }
}
