package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Part;
import java.util.Locale;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.FlightRecorder;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/**
 * What JDK Flight Recorder is told. As long as the JVM has no recorder there are no events: making the first one starts a good
 * part of the recorder, which takes a start of the program 80 ms.
 */
final class Events {
  private Events() {}

  /** Begins an event, or gives null if nobody could record it. */
  static Load load() {
    return FlightRecorder.isInitialized() ? begun(new Load()) : null;
  }

  /** See {@link #load()}. */
  static Pass pass() {
    return FlightRecorder.isInitialized() ? begun(new Pass()) : null;
  }

  /** See {@link #load()}. */
  static Route route() {
    return FlightRecorder.isInitialized() ? begun(new Route()) : null;
  }

  private static <E extends Event> E begun(E event) {
    event.begin();
    return event;
  }

  /** A model was opened. */
  @Name("dev.depths.Load")
  @Label("Load")
  @Category("Depths")
  @Description("A model was opened: read, packed or mapped from the cache")
  @StackTrace(false)
  static final class Load extends Event {
    @Label("Architecture")
    String architecture;
    @Label("Blocks")
    int blocks;
    @Label("Routed Blocks")
    int routedBlocks;
    @Label("Weights")
    @DataAmount
    long weightBytes;

    Load of(Model model) {
      this.architecture = model.config().architecture();
      this.blocks = model.config().blocks();
      this.routedBlocks = model.mod().map(mod -> mod.blocks().size()).orElse(0);
      this.weightBytes = model.weightBytes();
      return this;
    }
  }

  /** One pass over the weights. */
  @Name("dev.depths.Pass")
  @Label("Pass")
  @Category("Depths")
  @Description("One pass over the weights: a chunk of a prefill, a decode step, or both for several sequences")
  @StackTrace(false)
  static final class Pass extends Event {
    @Label("Kind")
    @Description("prefill, decode or mixed")
    String kind;
    @Label("Sequences")
    int sequences;
    @Label("Tokens")
    int tokens;
    @Label("Position")
    @Description("Of the first token in the first sequence")
    int position;
    @Label("Weights Read")
    @DataAmount
    long weightBytes;

    /** Of a pass that is done. */
    Pass of(PassRows rows, long weightBytes) {
      int prompts = 0;
      for (int i = 0; i < rows.size(); i++) {
        prompts += rows.isPrompt(i) ? 1 : 0;
      }
      this.kind = prompts == 0 ? "decode" : prompts == rows.size() ? "prefill" : "mixed";
      this.sequences = rows.size();
      this.tokens = rows.count();
      this.position = rows.sequence(0).position() - rows.start(1);
      this.weightBytes = weightBytes;
      return this;
    }
  }

  /** The choice of a routed part of a block. */
  @Name("dev.depths.Route")
  @Label("Route")
  @Category("Depths")
  @Description("A routed part of a block chose tokens of a pass")
  @StackTrace(false)
  static final class Route extends Event {
    @Label("Block")
    int block;
    @Label("Part")
    String part;
    @Label("Tokens")
    int tokens;
    @Label("Computed")
    int computed;

    Route of(int block, Part part, int tokens, int computed) {
      this.block = block;
      this.part = part.name().toLowerCase(Locale.ROOT);
      this.tokens = tokens;
      this.computed = computed;
      return this;
    }
  }
}
