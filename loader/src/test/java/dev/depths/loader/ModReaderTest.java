package dev.depths.loader;

import static dev.depths.loader.Refusals.assertMalformed;
import static dev.depths.loader.Refusals.assertUnsupported;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Granularity;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.SkippedKv;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
  void defaultsAreThePapers() {
    assertEquals(
        new ModDescriptor(1, List.of(1, 3), List.of(), Router.LINEAR, Selection.THRESHOLD, 0.5, Combine.SCORE,
            Granularity.BLOCK_TOKEN, Positions.ORIGINAL, SkippedKv.ABSENT, 0, false),
        read(""));
    assertEquals(Optional.empty(), ModReader.read(new Metadata("f", Map.of("model", 1L)), Set.of()));
  }

  @Test
  void everythingStated() {
    assertEquals(
        new ModDescriptor(1, List.of(2, 7), List.of(0.25, 0.125), Router.LINEAR2, Selection.TOPK, 0.35, Combine.ADD,
            Granularity.MLP_TOKEN, Positions.COMPACTED, SkippedKv.PROJECTED, 2, true),
        read("""
            'blocks': [7, 2], 'capacity': [0.125, 0.25], 'router': 'linear2', 'selection': 'topk', 'threshold': 0.35,
            'combine': 'x+f', 'granularity': 'mlp/token', 'positions': 'compacted', 'skipped_kv': 'projected',
            'initial_tokens': 2, 'shared_router': true, 'note': 'any'"""));
    assertEquals(List.of(0.125, 0.125), read("'capacity': 0.125").capacities());
    assertEquals(List.of(1.0, 1.0), read("'capacity': [1]").capacities());
  }

  @ParameterizedTest
  @CsvSource({"x+r*f, SCORE", "x + r·f, SCORE", "x+sigmoid(r)*f, SIGMOID", "x+f, ADD", "r*(x+f), SCORE_BLOCK",
      "r · (x + f), SCORE_BLOCK", "x+softmax(r)*(x+f), SOFTMAX_BLOCK", "x+(1+0.2*tanh(r))*f, TANH",
      "x + (1 + 0.2·tanh(r))·f, TANH", "mlp_gate, MLP_GATE"})
  void combineIsSpeltAsAFormula(String spelling, Combine expected) {
    assertEquals(expected, read("'combine': '" + spelling + "'").combine());
  }

  @ParameterizedTest
  @CsvSource({"block/token, BLOCK_TOKEN", "attention/token, ATTENTION_TOKEN", "mlp/token, MLP_TOKEN",
      "block/sequence, BLOCK_SEQUENCE"})
  void granularity(String spelling, Granularity expected) {
    assertEquals(expected, read("'granularity': '" + spelling + "'").granularity());
  }

  @ParameterizedTest
  @ValueSource(strings = {"router", "selection", "combine", "granularity", "positions", "skipped_kv"})
  void unknownValuesAreRefusedByName(String key) {
    assertNotSupported("mod." + key + " is \"other\"; supported are [", "", "'" + key + "': 'other'");
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
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(3, 1), List.of(), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1, 1), List.of(), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(-1), List.of(), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(0.0), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(0.5, 0.5), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(Double.NaN), 0.5));
    assertThrows(IllegalArgumentException.class, () -> with(good, List.of(1), List.of(), Double.NaN));
  }

  private static ModDescriptor with(ModDescriptor d, List<Integer> blocks, List<Double> capacities, double threshold) {
    return new ModDescriptor(1, blocks, capacities, d.router(), d.selection(), threshold, d.combine(), d.granularity(),
        d.positions(), d.skippedKv(), 0, false);
  }
}
