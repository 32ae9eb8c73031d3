package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Granularity;
import dev.depths.loader.ModDescriptor.Positions;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Selection;
import dev.depths.loader.ModDescriptor.SkippedKv;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The Mixture-of-Depths descriptor from GGUF keys {@code mod.*}, or from an adapter's JSON, whose members are read as
 * the same keys. A key or value that is not known is refused: what is left out of account would be run wrongly.
 */
final class ModReader {
  static final String PREFIX = "mod.";
  private static final Set<String> KEYS = Set.of("version", "blocks", "capacity", "router", "selection", "threshold",
      "combine", "granularity", "positions", "skipped_kv", "initial_tokens", "shared_router", "note");
  private static final Map<String, Router> ROUTERS =
      Map.of("linear", Router.LINEAR, "linear2", Router.LINEAR2, "mlp", Router.MLP);
  private static final Map<String, Selection> SELECTIONS =
      Map.of("topk", Selection.TOPK, "threshold", Selection.THRESHOLD, "predictor", Selection.PREDICTOR);
  private static final Map<String, Combine> COMBINES = Map.of(
      "x+r*f", Combine.SCORE,
      "x+sigmoid(r)*f", Combine.SIGMOID,
      "x+f", Combine.ADD,
      "r*(x+f)", Combine.SCORE_BLOCK,
      "x+softmax(r)*(x+f)", Combine.SOFTMAX_BLOCK,
      "x+(1+0.2*tanh(r))*f", Combine.TANH,
      "mlp_gate", Combine.MLP_GATE);
  private static final Map<String, Granularity> GRANULARITIES = Map.of(
      "block/token", Granularity.BLOCK_TOKEN,
      "attention/token", Granularity.ATTENTION_TOKEN,
      "mlp/token", Granularity.MLP_TOKEN,
      "block/sequence", Granularity.BLOCK_SEQUENCE);
  private static final Map<String, Positions> POSITIONS =
      Map.of("original", Positions.ORIGINAL, "compacted", Positions.COMPACTED);
  private static final Map<String, SkippedKv> SKIPPED_KV =
      Map.of("absent", SkippedKv.ABSENT, "projected", SkippedKv.PROJECTED);

  private final Metadata metadata;

  private ModReader(Metadata metadata) {
    this.metadata = metadata;
  }

  /**
   * The descriptor, or empty if there is no key {@code mod.*}.
   *
   * @param otherKeys keys beyond the descriptor's own that are known to the caller, without prefix
   */
  static Optional<ModDescriptor> read(Metadata metadata, Set<String> otherKeys) {
    List<String> keys = metadata.keys().stream().filter(k -> k.startsWith(PREFIX)).toList();
    for (String key : keys) {
      String name = key.substring(PREFIX.length());
      if (!KEYS.contains(name) && !otherKeys.contains(name)) {
        throw metadata.unsupported(key + " is not a known property of Mixture-of-Depths models");
      }
    }
    return keys.isEmpty() ? Optional.empty() : Optional.of(new ModReader(metadata).read());
  }

  private ModDescriptor read() {
    int version = metadata.requireInt(PREFIX + "version", 0, Integer.MAX_VALUE);
    if (version != 1) {
      throw metadata.unsupported("mod.version is " + version + "; supported is 1");
    }
    TreeMap<Integer, Double> blocks = blocks();
    boolean stated = metadata.has(PREFIX + "capacity");
    Selection selection = one("selection", SELECTIONS, null);
    if (selection == Selection.TOPK && !stated) {
      throw metadata.malformed(PREFIX + "capacity", "is missing, but topk selects by it");
    }
    return new ModDescriptor(version, List.copyOf(blocks.keySet()), stated ? List.copyOf(blocks.values()) : List.of(),
        one("router", ROUTERS, null), selection,
        metadata.number(PREFIX + "threshold", 0, 1).orElse(0.5),
        one("combine", COMBINES, null), one("granularity", GRANULARITIES, Granularity.BLOCK_TOKEN),
        one("positions", POSITIONS, Positions.ORIGINAL), one("skipped_kv", SKIPPED_KV, SkippedKv.ABSENT),
        metadata.intOr(PREFIX + "initial_tokens", 0, 0, Integer.MAX_VALUE),
        metadata.booleanOr(PREFIX + "shared_router", false));
  }

  /** Capacities by block; 1 where not stated. */
  private TreeMap<Integer, Double> blocks() {
    String key = PREFIX + "blocks";
    List<?> ids = metadata.list(key).orElseThrow(() -> metadata.malformed(key, "is missing"));
    if (ids.isEmpty() || ids.size() > Limits.BLOCKS) {
      throw metadata.malformed(key, "has " + ids.size() + " ids, expected 1 to " + Limits.BLOCKS);
    }
    List<Double> capacities = capacities(ids.size());
    TreeMap<Integer, Double> blocks = new TreeMap<>();
    for (int i = 0; i < ids.size(); i++) {
      if (!(ids.get(i) instanceof Long id) || id < 0 || id >= Limits.BLOCKS) {
        throw metadata.malformed(
            key, "holds " + Metadata.shown(ids.get(i)) + ", expected block ids from 0 to " + (Limits.BLOCKS - 1));
      }
      if (blocks.put(id.intValue(), capacities.get(i)) != null) {
        throw metadata.malformed(key, "holds block " + id + " twice");
      }
    }
    return blocks;
  }

  private List<Double> capacities(int count) {
    String key = PREFIX + "capacity";
    Object given = metadata.value(key);
    List<?> values = given == null ? List.of(1.0) : given instanceof List<?> list ? list : List.of(given);
    if (values.size() != 1 && values.size() != count) {
      throw metadata.malformed(
          key, "has " + values.size() + " values, expected one, or one for each of " + count + " blocks");
    }
    List<Double> capacities = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Object value = values.get(values.size() == 1 ? 0 : i);
      if (!(value instanceof Number number) || !(number.doubleValue() > 0 && number.doubleValue() <= 1)) {
        throw metadata.malformed(key, "holds " + Metadata.shown(value) + ", expected numbers above 0 up to 1");
      }
      capacities.add(number.doubleValue());
    }
    return capacities;
  }

  private <E> E one(String name, Map<String, E> known, E fallback) {
    String key = PREFIX + name;
    Optional<String> value = metadata.string(key);
    if (value.isEmpty() && fallback != null) {
      return fallback;
    }
    String spelling = value.orElseThrow(() -> metadata.malformed(key, "is missing"));
    E found = known.get(spelling.replaceAll("\\s", "").replace('·', '*').toLowerCase(Locale.ROOT));
    if (found == null) {
      throw metadata.unsupported(key + " is " + Metadata.shown(spelling) + "; supported are "
          + known.keySet().stream().sorted().toList());
    }
    return found;
  }
}
