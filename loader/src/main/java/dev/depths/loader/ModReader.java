package dev.depths.loader;

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
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.DoublePredicate;
import java.util.stream.IntStream;

/**
 * The Mixture-of-Depths descriptor from GGUF keys {@code mod.*}, or from an adapter's JSON, whose members are read as
 * the same keys. A key or value that is not known is refused: what is left out of account would be run wrongly.
 */
final class ModReader {
  static final String PREFIX = "mod.";
  /** A note for people, which a dense model may have too. */
  static final String NOTE = "note";
  private static final Set<String> KEYS = Set.of("version", "blocks", "granularity", "router", "router_activation",
      "router_input", "shared_router", "position_slope", "selection", "causal_selection", "capacity", "k_rounding", "least_tokens",
      "most_tokens", "ties", "threshold", "prefill_threshold", "threshold_inclusive", "initial_tokens", "combine",
      "positions", "skipped_kv", "bypass", "noop_experts", NOTE);
  /** No score is as far from another. */
  private static final double MAX_SLOPE = 1e6;

  private final Metadata metadata;

  private ModReader(Metadata metadata) {
    this.metadata = metadata;
  }

  /**
   * The descriptor, or empty if there is no key {@code mod.*}, or a note alone.
   *
   * @param otherKeys keys beyond the descriptor's own that are known to the caller, without prefix
   */
  static Optional<ModDescriptor> read(Metadata metadata, Set<String> otherKeys) {
    List<String> keys = metadata.keys().stream().filter(k -> k.startsWith(PREFIX)).toList();
    for (String key : keys) {
      String name = key.substring(PREFIX.length());
      if (!KEYS.contains(name) && !CalibrationKeys.isKey(name) && !otherKeys.contains(name)) {
        throw metadata.unsupported(key + " is not a known property of Mixture-of-Depths models");
      }
    }
    return Set.of(PREFIX + NOTE).containsAll(keys) ? Optional.empty() : Optional.of(new ModReader(metadata).read());
  }

  private ModDescriptor read() {
    int version = metadata.requireInt(PREFIX + "version", 0, Integer.MAX_VALUE);
    if (version != 1) {
      throw metadata.unsupported("mod.version is " + version + "; supported is 1");
    }
    int noopExperts = metadata.intOr(PREFIX + "noop_experts", 0, 0, Limits.EXPERTS);
    // Where only experts are routed there is nothing to say of blocks.
    boolean blocksRouted = noopExperts == 0 || metadata.has(PREFIX + "blocks");
    List<Integer> blocks = blocksRouted ? blocks() : List.of();
    Selection selection = selection(blocksRouted, blocks);
    ModSpelling.Granularity granularity =
        one("granularity", ModSpelling.GRANULARITIES, new ModSpelling.Granularity(Part.BLOCK, Unit.TOKEN));
    if (granularity.unit() == Unit.SEQUENCE && selection.rule() != Rule.THRESHOLD) {
      throw metadata.unsupported("mod.granularity is of sequences, which are selected by a threshold only");
    }
    Combine combine = one("combine", ModSpelling.COMBINES, blocksRouted ? null : Combine.HARD);
    Router router = router(blocksRouted);
    if (granularity.unit() == Unit.SEQUENCE
        && (selection.initialTokens() > 0 || combine.gate() == Combine.Gate.SOFTMAX || router.positionSlope() != 0)) {
      throw metadata.unsupported(
          "mod.granularity is of sequences, with which initial tokens, mod.position_slope and softmax(r) do not go");
    }
    if (combine.form().gatesMlp() && granularity.part() != Part.BLOCK) {
      throw metadata.unsupported("mod.combine gates the MLP of a whole block, which mod.granularity does not route");
    }
    return new ModDescriptor(blocks.stream().sorted().toList(), granularity.part(), granularity.unit(), router,
        selection, combine,
        one("positions", ModSpelling.POSITIONS, Positions.ORIGINAL),
        one("skipped_kv", ModSpelling.SKIPPED_KV, SkippedKv.ABSENT),
        one("bypass", ModSpelling.BYPASSES, Bypass.NONE),
        noopExperts);
  }

  private Router router(boolean required) {
    return new Router(
        one("router", ModSpelling.ROUTERS, required ? null : Router.Form.LINEAR),
        one("router_activation", ModSpelling.ACTIVATIONS, Router.Activation.SILU),
        one("router_input", ModSpelling.INPUTS, false),
        metadata.booleanOr(PREFIX + "shared_router", false),
        metadata.number(PREFIX + "position_slope", -MAX_SLOPE, MAX_SLOPE).orElse(0.0));
  }

  private Selection selection(boolean required, List<Integer> blocks) {
    Rule rule = one("selection", ModSpelling.RULES, required ? null : Rule.THRESHOLD);
    boolean stated = metadata.has(PREFIX + "capacity");
    if (rule == Rule.TOPK && !stated) {
      throw metadata.malformed(PREFIX + "capacity", "is missing, but topk selects by it");
    }
    Rule causal = rule;
    if (metadata.has(PREFIX + "causal_selection")) {
      causal = one("causal_selection", ModSpelling.CAUSAL_RULES, null);
      if (rule != Rule.TOPK && causal != rule) {
        throw metadata.malformed(PREFIX + "causal_selection", "differs from mod.selection, which is causal itself");
      }
    } else if (rule == Rule.TOPK) {
      causal = null;
    }
    return new Selection(rule, causal,
        stated ? perBlock("capacity", blocks, c -> c > 0 && c <= 1, "numbers above 0 up to 1") : List.of(),
        one("k_rounding", ModSpelling.ROUNDINGS, Rounding.FLOOR),
        count("least_tokens", 1), count("most_tokens", 0),
        one("ties", ModSpelling.TIES, Ties.FIRST),
        thresholds(blocks),
        metadata.number(PREFIX + "prefill_threshold", 0, 1).map(OptionalDouble::of).orElse(OptionalDouble.empty()),
        metadata.booleanOr(PREFIX + "threshold_inclusive", false),
        count("initial_tokens", 0));
  }

  private int count(String name, int fallback) {
    return metadata.intOr(PREFIX + name, fallback, 0, Integer.MAX_VALUE);
  }

  /** Ids as the file orders them. */
  private List<Integer> blocks() {
    String key = PREFIX + "blocks";
    List<?> values = metadata.list(key).orElseThrow(() -> metadata.malformed(key, "is missing"));
    if (values.isEmpty() || values.size() > Limits.BLOCKS) {
      throw metadata.malformed(key, "has " + values.size() + " ids, expected 1 to " + Limits.BLOCKS);
    }
    Set<Integer> ids = new LinkedHashSet<>();
    for (Object value : values) {
      if (!(value instanceof Long id) || id < 0 || id >= Limits.BLOCKS) {
        throw metadata.malformed(
            key, "holds " + Metadata.shown(value) + ", expected block ids from 0 to " + (Limits.BLOCKS - 1));
      }
      if (!ids.add(id.intValue())) {
        throw metadata.malformed(key, "holds block " + id + " twice");
      }
    }
    return List.copyOf(ids);
  }

  private List<Double> thresholds(List<Integer> blocks) {
    return !blocks.isEmpty() && metadata.value(PREFIX + "threshold") instanceof List<?>
        ? perBlock("threshold", blocks, t -> t >= 0 && t <= 1, "numbers from 0 to 1")
        : List.of(metadata.number(PREFIX + "threshold", 0, 1).orElse(0.5));
  }

  /**
   * Numbers of which there is one for all blocks, or one for each, in ascending order of the blocks' ids.
   *
   * @param blocks ids in the order in which the file has the numbers
   */
  private List<Double> perBlock(String name, List<Integer> blocks, DoublePredicate valid, String expected) {
    String key = PREFIX + name;
    List<?> values = metadata.value(key) instanceof List<?> list ? list : List.of(metadata.value(key));
    if (values.size() != 1 && values.size() != blocks.size()) {
      throw metadata.malformed(
          key, "has " + values.size() + " values, expected one, or one for each of " + blocks.size() + " blocks");
    }
    List<Double> numbers = new ArrayList<>();
    for (Object value : values) {
      if (!(value instanceof Number number) || !valid.test(number.doubleValue())) {
        throw metadata.malformed(key, "holds " + Metadata.shown(value) + ", expected " + expected);
      }
      numbers.add(number.doubleValue());
    }
    return IntStream.range(0, blocks.size()).boxed().sorted(Comparator.comparing(blocks::get))
        .map(i -> numbers.get(numbers.size() == 1 ? 0 : i)).toList();
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
