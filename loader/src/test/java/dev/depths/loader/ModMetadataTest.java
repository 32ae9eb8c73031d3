package dev.depths.loader;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.depths.loader.ModDescriptor.Combine;
import dev.depths.loader.ModDescriptor.Router;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ModMetadataTest {
  private static ModDescriptor descriptor(Double... capacities) {
    return descriptor(List.of(0.25), capacities);
  }

  private static ModDescriptor descriptor(List<Double> thresholds, Double... capacities) {
    ModDescriptor mod = ModDescriptor.linear(List.of(0, 2), Combine.SCORE);
    Selection s = mod.selection();
    Router router = new Router(Router.Form.LINEAR, Router.Activation.SILU, false, false, 0.17);
    return new ModDescriptor(mod.blocks(), mod.part(), mod.unit(), router,
        new Selection(Rule.TOPK, Rule.THRESHOLD, List.of(capacities), s.rounding(), 0, 7, s.ties(), thresholds,
            OptionalDouble.of(0.005), true, 1), mod.combine(), mod.positions(), mod.skippedKv(), 0);
  }

  private static Metadata written(ModDescriptor mod) {
    GgufWriter writer = new GgufWriter();
    ModMetadata.of("test", mod).copyTo(writer, Set.of());
    return new Metadata("test", GgufFile.parse("test", MemorySegment.ofArray(writer.toBytes())).metadata());
  }

  /** {@code floor(0.12 * 25)} is 3, of the f32 nearest to 0.12 it is 2. */
  @Test
  void numbersStayWhatTheyAre() {
    for (ModDescriptor mod : List.of(descriptor(0.5, 0.12), descriptor(0.12, 0.12), descriptor(1.0, 0.5),
        descriptor(List.of(0.3, 0.25), 0.5, 0.5), descriptor(List.of(1.0, 0.5), 0.5, 0.5))) {
      assertEquals(Optional.of(mod), ModReader.read(written(mod), Set.of()));
    }
  }

  @Test
  void singlePrecisionWhereItServes() {
    Metadata metadata = written(descriptor(1.0, 0.5));
    assertEquals(List.of(1f, 0.5f), List.copyOf(metadata.list("mod.capacity").orElseThrow()));
    assertEquals(0.25f, metadata.value("mod.threshold"));
    assertEquals(0.005, metadata.value("mod.prefill_threshold"));
  }
}
