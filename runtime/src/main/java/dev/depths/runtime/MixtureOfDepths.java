package dev.depths.runtime;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.UnsupportedModelException;

/** What of Mixture of Depths this runtime executes; the rest is refused by name, never run wrongly. */
final class MixtureOfDepths {
  private MixtureOfDepths() {}

  static void requireSupported(ModDescriptor mod) {
    require(mod.router() == ModDescriptor.Router.LINEAR, "router", mod.router());
    require(!mod.sharedRouter(), "router", "shared between blocks");
    require(mod.selection() == ModDescriptor.Selection.THRESHOLD, "selection", mod.selection());
    require(mod.granularity() == ModDescriptor.Granularity.BLOCK_TOKEN, "granularity", mod.granularity());
    require(mod.positions() == ModDescriptor.Positions.ORIGINAL, "positions", mod.positions());
    require(mod.skippedKv() == ModDescriptor.SkippedKv.ABSENT, "skipped_kv", mod.skippedKv());
    switch (mod.combine()) {
      case ADD, SCORE, SIGMOID, TANH -> { }
      default -> require(false, "combine", mod.combine());
    }
  }

  private static void require(boolean supported, String property, Object value) {
    if (!supported) {
      throw new UnsupportedModelException("Mixture-of-Depths descriptor",
          property + " " + String.valueOf(value).toLowerCase(java.util.Locale.ROOT) + " is not supported yet");
    }
  }
}
