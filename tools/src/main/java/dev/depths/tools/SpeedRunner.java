package dev.depths.tools;

import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Part;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import dev.depths.runtime.SessionOptions;
import dev.depths.runtime.Speeds;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;

/**
 * Measures how fast the dense model and settings of another are, in turns, so that what disturbs the machine disturbs all of
 * them.
 */
final class SpeedRunner implements AutoCloseable {
  private static final int PROMPT = 128;
  /** Tokens that the context holds before those that are decoded. */
  private static final int DEPTH = 32;
  private static final int GENERATED = 48;

  private final Model model;
  private final Model dense;
  private final BenchTest prefill;
  private final BenchTest decode;
  private final List<Runs> all = new ArrayList<>();

  /** The sessions of a setting, and what was measured on them. */
  private record Runs(BenchSessions prefill, BenchSessions decode, List<BenchSessions.Sample> prefills,
      List<BenchSessions.Sample> decodes) {
    void measure(boolean keep) {
      BenchSessions.Sample prompt = prefill.measure();
      BenchSessions.Sample generation = decode.measure();
      if (keep) {
        prefills.add(prompt);
        decodes.add(generation);
      }
    }
  }

  /**
   * What was measured.
   *
   * @param settings of each in the order in which they were given; times are medians
   * @param speeds as the machine's table has them
   */
  record Measured(List<Setting> settings, Speeds speeds) {
    /** Of each setting the weight bytes of a decoded token, as a share of the dense model's. */
    List<Double> bytesRead() {
      return settings.stream().map(Setting::bytesRead).toList();
    }
  }

  /** What was measured of a setting: times in milliseconds per token, and what a decoded token ran and read. */
  record Setting(double decodeMillis, double prefillMillis, double blocksRun, double bytesRead) {}

  /**
   * Makes the sessions.
   *
   * @param settings of the model
   * @param text tokens, repeated as needed
   */
  SpeedRunner(Model model, Model dense, List<Routing> settings, int[] text) {
    this.model = model;
    this.dense = dense;
    int most = model.config().contextLength();
    int depth = Math.min(DEPTH, most / 2);
    prefill = new BenchTest(Math.min(PROMPT, most), 0, 0, 1, null);
    decode = new BenchTest(0, Math.min(GENERATED, most - depth), depth, 1, null);
    add(dense, Routing.dense(), text);
    settings.forEach(routing -> add(model, routing, text));
  }

  private void add(Model of, Routing routing, int[] text) {
    SessionOptions options = SessionOptions.defaults().withRouting(routing);
    all.add(new Runs(new BenchSessions(of, options, text, prefill), new BenchSessions(of, options, text, decode),
        new ArrayList<>(), new ArrayList<>()));
  }

  /** Measures all so many times, after once unmeasured. */
  Measured run(int rounds, Streams streams) throws InterruptedException {
    model.awaitWarmUp();
    dense.awaitWarmUp();
    long tokens = prefill.tokens() + decode.depth() + decode.tokens();
    try (Progress progress = Progress.ofTokens("speed", tokens * all.size() * (rounds + 1), streams)) {
      for (int round = 0; round <= rounds; round++) {
        for (int i = 0; i < all.size(); i++) {
          all.get(i).measure(round > 0);
          progress.to(tokens * (round * all.size() + i + 1));
        }
      }
    }
    Runs reference = all.getFirst();
    List<Setting> settings = all.subList(1, all.size()).stream().map(runs -> setting(runs, reference)).toList();
    SequencedMap<Double, Speeds.Point> points = new TreeMap<>();
    settings.forEach(setting -> points.putIfAbsent(setting.blocksRun,
        new Speeds.Point(setting.blocksRun, setting.decodeMillis, setting.prefillMillis)));
    return new Measured(settings,
        new Speeds(decodeMillis(reference), prefillMillis(reference), List.copyOf(points.values())));
  }

  private Setting setting(Runs runs, Runs reference) {
    ModDescriptor mod = model.mod().orElseThrow();
    double routed = (double) decode.tokens() * mod.blocks().size() * (mod.part() == Part.EACH_HALF ? 2 : 1);
    // The same tokens each time, so that all samples read and skip the same.
    BenchSessions.Sample sample = runs.decodes.getFirst();
    return new Setting(decodeMillis(runs), prefillMillis(runs), 1 - sample.skipped() / routed,
        (double) sample.bytes() / reference.decodes.getFirst().bytes());
  }

  private double decodeMillis(Runs runs) {
    return medianMillis(runs.decodes) / decode.tokens();
  }

  private double prefillMillis(Runs runs) {
    return medianMillis(runs.prefills) / prefill.tokens();
  }

  private static double medianMillis(List<BenchSessions.Sample> samples) {
    return Statistics.quantile(samples.stream().mapToDouble(sample -> sample.nanos() / 1e6).toArray(), 0.5);
  }

  @Override
  public void close() {
    all.forEach(runs -> {
      runs.prefill.close();
      runs.decode.close();
    });
  }
}
