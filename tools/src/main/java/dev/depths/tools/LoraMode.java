package dev.depths.tools;

import dev.depths.runtime.LowRank;
import java.util.Locale;

/** Where an adapter's low-rank updates are computed; lower case, as users write it. */
enum LoraMode {
  auto,
  merged,
  beside,
  none;

  LowRank lowRank() {
    return LowRank.valueOf(name().toUpperCase(Locale.ROOT));
  }
}
