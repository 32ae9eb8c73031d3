package dev.depths.loader;

import dev.depths.loader.ModDescriptor.Bypass;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import java.util.LinkedHashMap;
import java.util.Map;

/** A descriptor as the keys that {@link ModReader} reads it from. */
final class ModWriter {
  private final Map<String, Object> keys = new LinkedHashMap<>();

  private ModWriter() {}

  /** Keys without {@code mod.}, with values as GGUF and JSON hold them; those that change nothing are left out. */
  static Map<String, Object> keys(ModDescriptor mod) {
    return new ModWriter().write(mod).keys;
  }

  private ModWriter write(ModDescriptor mod) {
    keys.put("version", 1);
    if (mod.noopExperts() > 0) {
      keys.put("noop_experts", mod.noopExperts());
    }
    if (mod.blocks().isEmpty()) {
      return this;
    }
    keys.put("blocks", mod.blocks());
    keys.put("granularity",
        ModSpelling.of(new ModSpelling.Granularity(mod.part(), mod.unit()), ModSpelling.GRANULARITIES));
    router(mod.router());
    selection(mod.selection());
    keys.put("combine", ModSpelling.of(mod.combine(), ModSpelling.COMBINES));
    keys.put("positions", ModSpelling.of(mod.positions(), ModSpelling.POSITIONS));
    keys.put("skipped_kv", ModSpelling.of(mod.skippedKv(), ModSpelling.SKIPPED_KV));
    if (mod.bypass() != Bypass.NONE) {
      keys.put("bypass", ModSpelling.of(mod.bypass(), ModSpelling.BYPASSES));
    }
    return this;
  }

  private void router(Router router) {
    keys.put("router", ModSpelling.of(router.form(), ModSpelling.ROUTERS));
    if (router.form() == Router.Form.MLP) {
      keys.put("router_activation", ModSpelling.of(router.activation(), ModSpelling.ACTIVATIONS));
    }
    keys.put("router_input", ModSpelling.of(router.normed(), ModSpelling.INPUTS));
    if (router.shared()) {
      keys.put("shared_router", true);
    }
    if (router.positionSlope() != 0) {
      keys.put("position_slope", router.positionSlope());
    }
  }

  private void selection(Selection s) {
    keys.put("selection", ModSpelling.of(s.rule(), ModSpelling.RULES));
    if (!s.capacities().isEmpty()) {
      boolean one = s.capacities().stream().distinct().count() == 1;
      keys.put("capacity", one ? s.capacities().getFirst() : s.capacities());
    }
    if (s.rule() == Rule.TOPK) {
      if (s.causal() != null) {
        keys.put("causal_selection", ModSpelling.of(s.causal(), ModSpelling.RULES));
      }
      keys.put("k_rounding", ModSpelling.of(s.rounding(), ModSpelling.ROUNDINGS));
      keys.put("least_tokens", s.leastTokens());
      keys.put("most_tokens", s.mostTokens());
      keys.put("ties", ModSpelling.of(s.ties(), ModSpelling.TIES));
    }
    if (s.rule() != Rule.TOPK || s.causal() != null) {
      keys.put("threshold", s.thresholds().size() == 1 ? s.thresholds().getFirst() : s.thresholds());
      s.prefillThreshold().ifPresent(t -> keys.put("prefill_threshold", t));
      keys.put("threshold_inclusive", s.inclusive());
    }
    keys.put("initial_tokens", s.initialTokens());
  }
}
