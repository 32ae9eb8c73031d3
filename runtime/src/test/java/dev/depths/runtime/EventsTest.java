package dev.depths.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.depths.loader.ModDescriptor.Combine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Flight Recorder is told. */
class EventsTest {
  private static final TinyModel ROUTED = TinyModel.dense(TinyModel.SMALL, 1).routed(Combine.HARD, 0, false, 0, 2);

  @Test
  void loadPassesAndRoutes(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("recording.jfr");
    int computed;
    try (Recording recording = new Recording()) {
      recording.enable("dev.depths.Load");
      recording.enable("dev.depths.Pass").withoutThreshold();
      recording.enable("dev.depths.Route").withoutThreshold();
      recording.start();
      try (Model model = ROUTED.fast(); Session session = model.newSession(SessionOptions.defaults().withChunk(8))) {
        session.prefill(ROUTED.tokens(12, 1));
        session.decode(1);
        computed = session.computedPositions(0).length + session.computedPositions(2).length;
      }
      recording.stop();
      recording.dump(file);
    }
    List<RecordedEvent> events = RecordingFile.readAllEvents(file);
    RecordedEvent load = of(events, "dev.depths.Load").getFirst();
    assertEquals("llama", load.getString("architecture"));
    assertEquals(2, load.getInt("routedBlocks"));
    assertTrue(load.getLong("weightBytes") > 0);
    List<RecordedEvent> passes = of(events, "dev.depths.Pass");
    assertEquals(List.of("prefill", "prefill", "decode"), passes.stream().map(e -> e.getString("kind")).toList());
    assertEquals(List.of(8, 4, 1), passes.stream().map(e -> e.getInt("tokens")).toList());
    assertEquals(List.of(0, 8, 12), passes.stream().map(e -> e.getInt("position")).toList());
    List<RecordedEvent> routes = of(events, "dev.depths.Route");
    assertEquals(6, routes.size());
    assertEquals(computed, routes.stream().mapToInt(e -> e.getInt("computed")).sum());
  }

  private static List<RecordedEvent> of(List<RecordedEvent> events, String name) {
    return events.stream().filter(e -> e.getEventType().getName().equals(name)).toList();
  }
}
