package dev.depths.tools;

import dev.depths.runtime.BudgetUse;
import dev.depths.runtime.Dial;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Session;
import dev.depths.runtime.Setting;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The setting of a dial that a command runs at.
 *
 * @param wish what it was chosen for, as the user wrote it; {@code model} for the model's own thresholds
 * @param setting at the beginning
 * @param dial it is on
 * @param routing of the sessions
 */
record DialChoice(String wish, Setting setting, Dial dial, Routing routing) {
  /** For people, after a session: what was set and is to be expected of it, and how a budget was kept. */
  String summary(Session session) {
    Optional<BudgetUse> use = session.budgetUse().filter(u -> u.tokens() > 0);
    Setting s = use.map(BudgetUse::mean).orElse(setting);
    String text = String.format(Locale.ROOT, "dial       %9.1f %%  capacity (%s): %s%n", 100 * s.capacity(), wish, expected(s));
    if (use.isPresent()) {
      BudgetUse u = use.get();
      text += String.format(Locale.ROOT, "budget     %9.2f ms per token on average, of %.2f; capacity %.1f to %.1f %%%n",
          u.meanMillis(), u.millis(), 100 * u.leastCapacity(), 100 * u.mostCapacity());
    }
    return text;
  }

  /** What is to be expected of a setting. */
  private String expected(Setting s) {
    String speed = s.decodeMillis().isEmpty() ? "" : String.format(Locale.ROOT, ", %.2f times dense speed", s.speedup());
    return String.format(Locale.ROOT, "expected KL %.4f nats per token, perplexity %.2f (dense %.2f), %.1f %% of the weight bytes%s",
        s.kl(), s.perplexity(), dial.calibration().densePerplexity(), 100 * s.bytesRead(), speed);
  }

  /** For people, before a measurement. */
  String line() {
    return String.format(Locale.ROOT, "%s: capacity %.3f, %s", wish, setting.capacity(), expected(setting));
  }

  /** For scripts. */
  Map<String, Object> fields(Session session) {
    Setting s = session.budgetUse().map(BudgetUse::mean).orElse(setting);
    Map<String, Object> fields = Json.object();
    fields.put("wish", wish);
    fields.put("met", setting.met());
    fields.put("capacity", s.capacity());
    fields.put("thresholds", s.thresholds());
    fields.put("expected_kl", s.kl());
    fields.put("expected_perplexity", s.perplexity());
    fields.put("dense_perplexity", dial.calibration().densePerplexity());
    fields.put("expected_bytes_read", s.bytesRead());
    s.decodeMillis().ifPresent(millis -> {
      fields.put("expected_decode_ms", millis);
      fields.put("expected_speedup", s.speedup());
    });
    session.budgetUse().ifPresent(use -> {
      Map<String, Object> budget = Json.object();
      budget.put("ms", use.millis());
      budget.put("tokens", use.tokens());
      budget.put("mean_ms", use.meanMillis());
      budget.put("least_capacity", use.leastCapacity());
      budget.put("most_capacity", use.mostCapacity());
      fields.put("budget", budget);
    });
    return fields;
  }
}
