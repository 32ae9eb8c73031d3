package dev.depths.tools;

import dev.depths.runtime.Batch;
import dev.depths.runtime.BatchEntry;
import dev.depths.runtime.BatchOptions;
import dev.depths.runtime.GenerateOptions;
import dev.depths.runtime.Generation;
import dev.depths.runtime.Model;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.util.ArrayList;
import java.util.List;

/** Several continuations of one prompt, generated together, each drawn from a seed of its own. */
final class ParallelGeneration implements AutoCloseable {
  private final Model model;
  private final List<Session> sessions = new ArrayList<>();

  ParallelGeneration(Model model, SessionOptions options, int count) {
    this.model = model;
    for (int i = 0; i < count; i++) {
      sessions.add(ModelArgs.session(model, options));
    }
  }

  /** Runs them; what Ctrl-C stops is among the results as far as it came. */
  List<Generation> run(int[] prompt, GenerateOptions options) {
    BatchOptions together = BatchOptions.defaults().withMaxRunning(sessions.size());
    try (Batch batch = model.newBatch(together)) {
      List<BatchEntry> entries = new ArrayList<>();
      for (int i = 0; i < sessions.size(); i++) {
        entries.add(batch.add(sessions.get(i), prompt, seeded(options, i), _ -> { }));
      }
      try (Interruption _ = new Interruption(() -> entries.forEach(BatchEntry::cancel))) {
        batch.run();
      }
      return entries.stream().map(entry -> entry.result().join()).toList();
    }
  }

  /** The options of the {@code i}-th continuation. */
  static GenerateOptions seeded(GenerateOptions options, int i) {
    return options.withSampling(options.sampling().withSeed(options.sampling().seed() + i));
  }

  List<Session> sessions() {
    return sessions;
  }

  @Override
  public void close() {
    sessions.forEach(Session::close);
  }
}
