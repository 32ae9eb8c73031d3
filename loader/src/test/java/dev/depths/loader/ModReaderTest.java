package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.depths.loader.ModDescriptor.Bypass;
import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Rounding;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.SkippedKv;
import dev.depths.loader.ModDescriptor.Ties;
import dev.depths.loader.ModDescriptor.Unit;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModReaderTest {
  /** A descriptor with members replaced, or taken out with null. */
  private static ModDescriptor read(String members) {
    Map<String, Object> values = Json.object("f", "text", """
        {"version": 1, "blocks": [1, 3], "router": "linear", "selection": "threshold", "combine": "x+r*f"}""", "mod.");
    Map<String, Object> replaced = Json.object("f", "text", "{" + members.replace('\'', '"') + "}", "mod.");
    values.putAll(replaced);
    return ModReader.read(new Metadata("f", values), Set.of()).orElseThrow();
  }

  private static void assertRefused(String where, String problem, String members) {
    assertMalformed("f: " + where, problem, () -> read(members));
  }

  private static void assertNotSupported(String what, String supported, String members) {
    assertUnsupported("f: " + what, supported, () -> read(members));
  }

  @Test
  void defaults() {
    assertEquals(ModDescriptor.linear(List.of(1, 3), Combine.SCORE), read(""));
    assertEquals(Optional.empty(), ModReader.read(new Metadata("f", Map.of("model", 1L)), Set.of()));
    assertEquals(Optional.empty(), ModReader.read(new Metadata("f", Map.of("mod.note", "dense")), Set.of()));
  }

  private static final String EVERYTHING = """
      'blocks': [7, 2], 'capacity': [0.125, 0.25], 'router': 'mlp', 'router_activation': 'tanh', 'router_input': 'normed',
      'shared_router': true, 'position_slope': -0.25, 'selection': 'topk', 'causal_selection': 'predictor', 'k_rounding': 'ceil',
      'least_tokens': 2, 'most_tokens': 256, 'ties': 'above', 'threshold': [0.35, 0.4], 'prefill_threshold': 0.005,
      'threshold_inclusive': true, 'initial_tokens': 2, 'combine': 'x+f', 'granularity': 'mlp/token',
      'positions': 'compacted', 'skipped_kv': 'projected', 'bypass': 'lowrank', 'noop_experts': 3,
      'note': 'any'""";

  @Test
  void everythingStated() {
    assertEquals(
        new ModDescriptor(List.of(2, 7), Part.MLP, Unit.TOKEN, new Router(Router.Form.MLP, Router.Activation.TANH, true, true, -0.25),
            new Selection(Rule.TOPK, Rule.PREDICTOR, List.of(0.25, 0.125), Rounding.CEIL, 2, 256, Ties.ABOVE,
                List.of(0.4, 0.35), OptionalDouble.of(0.005), true, 2),
            Combine.HARD, Positions.COMPACTED, SkippedKv.PROJECTED, Bypass.LOWRANK, 3),
        read(EVERYTHING));
    assertEquals(List.of(0.125, 0.125), read("'capacity': 0.125").selection().capacities());
    assertEquals(List.of(1.0, 1.0), read("'capacity': [1]").selection().capacities());
  }

  /** One threshold, or one for each block in the order in which the file names them. */
  @Test
  void thresholds() {
    Selection each = read("'blocks': [7, 2, 5], 'threshold': [0.7, 0, 1]").selection();
    assertEquals(List.of(0.0, 1.0, 0.7), each.thresholds());
    assertEquals(0.7, each.thresholdOf(2));
    for (String same : List.of("0.25", "[0.25]", "[0.25, 0.25]")) {
      Selection one = read("'threshold': " + same).selection();
      assertEquals(List.of(0.25), one.thresholds());
      assertEquals(0.25, one.thresholdOf(1));
    }
    assertRefused("mod.threshold", "has 3 values, expected one, or one for each of 2 blocks", "'threshold': [0, 0, 0]");
    assertRefused("mod.threshold", "has 0 values", "'threshold': []");
    for (String value : List.of("-0.1", "1.001", "'x'", "null", "[0.5]")) {
      assertRefused("mod.threshold", "expected numbers from 0 to 1", "'threshold': [0.5, " + value + "]");
    }
  }

  /** What is written is read as the same. */
  @ParameterizedTest
  @ValueSource(strings = {"", EVERYTHING, "'selection': 'topk', 'capacity': 0.5", "'granularity': 'attention/sequence'",
      "'router': 'linear2', 'selection': 'predictor'", "'threshold': [0.25, 0.75], 'bypass': 'lowrank'", "'combine': 'x+x+a+softmax(r)*m'"})
  void written(String members) {
    ModDescriptor mod = read(members);
    GgufWriter writer = new GgufWriter();
    mod.keys().forEach((key, value) -> writer.put("mod." + key, value));
    GgufFile file = GgufFile.parse("f", MemorySegment.ofArray(writer.toBytes()));
    assertEquals(Optional.of(mod), ModReader.read(new Metadata("f", file.metadata()), Set.of()));
  }

  @Test
  void onlyExpertsRouted() {
    ModDescriptor mod = ModReader.read(new Metadata("f", Map.of("mod.version", 1L, "mod.noop_experts", 2L)), Set.of())
        .orElseThrow();
    assertEquals(List.of(), mod.blocks());
    assertEquals(2, mod.noopExperts());
    assertEquals(Map.of("version", 1, "noop_experts", 2), mod.keys());
  }

  /** What is said of blocks says nothing then, but is read all the same. */
  @ParameterizedTest
  @ValueSource(strings = {"'selection': 'topk', 'capacity': 0.5", "'bypass': 'lowrank', 'threshold': 0.25"})
  void onlyExpertsRoutedAndMoreSaid(String members) {
    Map<String, Object> values = Json.object("f", "text",
        "{'version': 1, 'noop_experts': 2, ".replace('\'', '"') + members.replace('\'', '"') + "}", "mod.");
    assertEquals(Map.of("version", 1, "noop_experts", 2),
        ModReader.read(new Metadata("f", values), Set.of()).orElseThrow().keys());
    values.put("mod.threshold", List.of(0.5));
    assertMalformed("f: mod.threshold", "expected a number", () -> ModReader.read(new Metadata("f", values), Set.of()));
  }

  @ParameterizedTest
  @CsvSource({"x+r*f, ADD, SCORE", "x + r·f, ADD, SCORE", "x+sigmoid(r)*f, ADD, SIGMOID", "x+f, ADD, ONE",
      "r*(x+f), SCALE_BLOCK, SCORE", "r · (x + f), SCALE_BLOCK, SCORE", "x+softmax(r)*(x+f), ADD_BLOCK, SOFTMAX",
      "x+r*(x+f), ADD_BLOCK, SCORE", "x+(1+0.2*tanh(r))*f, ADD, TANH", "x + (1 + 0.2·tanh(r))·f, ADD, TANH",
      "mlp_gate, GATE_MLP, SIGMOID", "x+a+(1+0.2*tanh(r))*m, GATE_MLP, TANH", "x+x+a+sigmoid(r)*m, ADD_GATED_MLP, SIGMOID"})
  void combineIsSpeltAsAFormula(String spelling, Combine.Form form, Combine.Gate gate) {
    assertEquals(new Combine(form, gate), read("'combine': '" + spelling + "'").combine());
  }

  @ParameterizedTest
  @CsvSource({"block/token, BLOCK, TOKEN", "attention/token, ATTENTION, TOKEN", "mlp/token, MLP, TOKEN",
      "attention+mlp/token, EACH_HALF, TOKEN", "block/sequence, BLOCK, SEQUENCE", "attention/sequence, ATTENTION, SEQUENCE"})
  void granularity(String spelling, Part part, Unit unit) {
    ModDescriptor mod = read("'granularity': '" + spelling + "'");
    assertEquals(part, mod.part());
    assertEquals(unit, mod.unit());
  }

  @Test
  void whatDoesNotGoTogether() {
    assertNotSupported("mod.granularity is of sequences", "by a threshold only",
        "'granularity': 'block/sequence', 'selection': 'topk', 'capacity': 0.5");
    assertNotSupported("mod.granularity is of sequences", "initial tokens, mod.position_slope and softmax(r) do not go",
        "'granularity': 'mlp/sequence', 'initial_tokens': 1");
    assertNotSupported("mod.granularity is of sequences", "mod.position_slope",
        "'granularity': 'mlp/sequence', 'position_slope': 0.5");
    assertNotSupported("mod.combine gates the MLP of a whole block", "does not route",
        "'granularity': 'mlp/token', 'combine': 'mlp_gate'");
    assertRefused("mod.causal_selection", "differs from mod.selection",
        "'selection': 'threshold', 'causal_selection': 'predictor'");
    assertNotSupported("mod.causal_selection is \"topk\"; supported are [predictor, threshold]", "",
        "'selection': 'topk', 'capacity': 0.5, 'causal_selection': 'topk'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"router", "router_activation", "router_input", "selection", "k_rounding", "ties", "combine",
      "granularity", "positions", "skipped_kv", "bypass"})
  void unknownValuesAreRefusedByName(String key) {
    assertNotSupported("mod." + key + " is \"other\"; supported are [", "", "'capacity': 0.5, '" + key + "': 'other'");
    assertRefused("mod." + key, "is 1, expected a string", "'" + key + "': 1");
  }

  @Test
  void unknownKeysAreRefusedByName() {
    assertNotSupported("mod.bypass.rank is not a known property", "", "'bypass': {'rank': 8}");
    assertNotSupported("mod.experts is not a known property", "", "'experts': 'staged'");
    assertNotSupported("mod.lora.rank is not a known property", "", "'lora': {'rank': 8}");
    assertNotSupported("mod.version is 2; supported is 1", "", "'version': 2");
  }

  @ParameterizedTest
  @ValueSource(strings = {"version", "blocks", "router", "selection", "combine"})
  void requiredKeys(String key) {
    Map<String, Object> values = Json.object("f", "text", """
        {"version": 1, "blocks": [1], "router": "linear", "selection": "threshold", "combine": "x+f"}""", "mod.");
    values.remove("mod." + key);
    assertMalformed("f: mod." + key, "is missing", () -> ModReader.read(new Metadata("f", values), Set.of()));
  }

  @Test
  void blocks() {
    assertRefused("mod.blocks", "has 0 ids", "'blocks': []");
    assertRefused("mod.blocks", "holds block 3 twice", "'blocks': [3, 1, 3]");
    assertRefused("mod.blocks", "holds -1, expected block ids from 0", "'blocks': [-1]");
    assertRefused("mod.blocks", "holds 4294967296, expected block ids", "'blocks': [4294967296]");
    assertRefused("mod.blocks", "holds 1.0, expected block ids", "'blocks': [1.0]");
    assertRefused("mod.blocks", "holds null, expected block ids", "'blocks': [null]");
    assertRefused("mod.blocks", "is 3, expected an array", "'blocks': 3");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "-0.5", "1.001", "1e999", "'x'", "[0.5, 0]", "[0.5, null]"})
  void capacitiesAreAboveZeroUpToOne(String value) {
    assertRefused("mod.capacity", "expected numbers above 0 up to 1", "'capacity': " + value);
  }

  @Test
  void capacityCounts() {
    assertRefused("mod.capacity", "has 3 values, expected one, or one for each of 2 blocks", "'capacity': [1, 1, 1]");
    assertRefused("mod.capacity", "has 0 values", "'capacity': []");
    assertRefused("mod.capacity", "is missing, but topk selects by it", "'selection': 'topk'");
  }

  @Test
  void numbers() {
    assertRefused("mod.threshold", "is 1.5, expected 0.0 to 1.0", "'threshold': 1.5");
    assertRefused("mod.initial_tokens", "is -1, expected 0", "'initial_tokens': -1");
    assertRefused("mod.initial_tokens", "is 1.5, expected an integer", "'initial_tokens': 1.5");
    assertRefused("mod.position_slope", "is 1.0E10, expected", "'position_slope': 1e10");
    assertRefused("mod.shared_router", "is 1, expected true or false", "'shared_router': 1");
  }

  @Test
  void nanComesFromGgufAlone() {
    GgufFile file = GgufFile.parse("f", MemorySegment.ofArray(new GgufWriter()
        .put("mod.version", 1).put("mod.blocks", List.of(1)).put("mod.router", "linear").put("mod.combine", "x+f")
        .put("mod.selection", "threshold").put("mod.threshold", Float.NaN).toBytes()));
    assertMalformed("f: mod.threshold", "is NaN, expected 0.0 to 1.0",
        () -> ModReader.read(new Metadata("f", file.metadata()), Set.of()));
  }

  @Test
  void theRecordItselfRefusesNonsense() {
    ModDescriptor good = read("'capacity': 0.5");
    assertEquals(good, with(good, good.blocks(), good.selection().capacities(), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(3, 1), List.of(), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1, 1), List.of(), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(-1), List.of(), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(0.0), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(0.5, 0.5), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(Double.NaN), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(), Double.NaN));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of()));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(), 0.5, 0.25));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1, 2), List.of(), 0.5, 1.5));
  }

  private static ModDescriptor with(ModDescriptor d, List<Integer> blocks, List<Double> capacities, Double... thresholds) {
    Selection s = d.selection();
    return new ModDescriptor(blocks, d.part(), d.unit(), d.router(), new Selection(s.rule(), s.causal(), capacities,
        s.rounding(), s.leastTokens(), s.mostTokens(), s.ties(), List.of(thresholds), s.prefillThreshold(),
        s.inclusive(), s.initialTokens()), d.combine(), d.positions(), d.skippedKv(), 0);
  }
}
