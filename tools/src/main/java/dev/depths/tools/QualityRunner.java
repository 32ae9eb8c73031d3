package dev.depths.tools;

import dev.depths.loader.Calibration;
import dev.depths.loader.ModDescriptor;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.runtime.Model;
import dev.depths.runtime.Routing;
import dev.depths.runtime.Session;
import dev.depths.runtime.SessionOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Chooses thresholds by the scores of a text, and measures what they cost on it. */
final class QualityRunner {
  private final Model model;
  private final Model dense;
  private final Rule rule;
  private final int blocks;
  private final int initialTokens;
  private final TextWindows windows;
  private final Streams streams;

  /** What one setting of the thresholds does to the text. */
  record Quality(double capacity, double threshold, double shareComputed, PerplexityScores scores) {}

  /**
   * @param dense the reference: the model itself, which then runs dense, or another
   * @param rule whose scores are taken
   */
  QualityRunner(Model model, Model dense, Rule rule, TextWindows windows, Streams streams) {
    ModDescriptor mod = model.mod().orElseThrow();
    this.model = model;
    this.dense = dense;
    this.rule = rule;
    this.blocks = mod.blocks().size();
    this.initialTokens = mod.selection().initialTokens();
    this.windows = windows;
    this.streams = streams;
  }

  /** The routing of one threshold in all blocks. */
  Routing routing(double threshold) {
    return Routing.thresholds(rule, Collections.nCopies(blocks, threshold));
  }

  /**
   * A threshold for each capacity, the same in all blocks, so that blocks compute more whose scores are higher. What a block
   * computes changes the scores of those after it: a threshold is first taken from the scores of the setting before, then from
   * its own.
   *
   * @param capacities descending
   */
  private List<Double> thresholds(List<Double> capacities) {
    List<Double> thresholds = new ArrayList<>();
    try (Progress progress = progress("thresholds", capacities.size() + 1)) {
      ScoreSample sample = sample(0, progress, 0);
      double last = 0;
      for (int i = 0; i < capacities.size(); i++) {
        sample = sample(sample.threshold(capacities.get(i)), progress, i + 1);
        last = Math.max(last, sample.threshold(capacities.get(i)));
        thresholds.add(last);
      }
    }
    return thresholds;
  }

  private ScoreSample sample(double threshold, Progress progress, int before) {
    ScoreSample sample = new ScoreSample(initialTokens);
    try (Session session = session(model, routing(threshold))) {
      session.onRouting(sample);
      for (int w = 0; w < windows.count(); w++) {
        session.reset();
        // As they are scored: nothing is predicted from the last token.
        session.prefill(Arrays.copyOf(windows.window(w), windows.length() - 1));
        progress.to(((long) before * windows.count() + w + 1) * windows.length());
      }
    }
    return sample;
  }

  /**
   * Chooses a threshold for each capacity, and measures them all in lock step with the dense model.
   *
   * @param capacities descending
   * @return in the same order; without those that compute as much as the one before
   */
  List<Quality> measure(List<Double> capacities) {
    List<Double> thresholds = thresholds(capacities);
    List<Session> sessions = new ArrayList<>();
    try (Session reference = session(dense, Routing.dense()); Progress progress = progress("quality", thresholds.size())) {
      List<ScoreSample> samples = new ArrayList<>();
      for (double threshold : thresholds) {
        Session session = session(model, routing(threshold));
        sessions.add(session);
        samples.add(new ScoreSample(initialTokens));
        session.onRouting(samples.getLast());
      }
      List<PerplexityScores> scores =
          new PerplexityRunner(sessions, reference, model.config().vocabulary(), windows.length(), false)
              .run(windows, progress);
      List<Quality> qualities = new ArrayList<>();
      for (int i = 0; i < thresholds.size(); i++) {
        double share = samples.get(i).shareComputed();
        if (qualities.isEmpty() || share < qualities.getLast().shareComputed) {
          qualities.add(new Quality(capacities.get(i), thresholds.get(i), share, scores.get(i)));
        }
      }
      return qualities;
    } finally {
      sessions.forEach(Session::close);
    }
  }

  /**
   * The table.
   *
   * @param qualities descending
   * @param bytesRead of each, weight bytes of a decoded token as a share of the dense model's
   * @param text name of the text
   */
  Calibration calibration(List<Quality> qualities, List<Double> bytesRead, String text) {
    List<Calibration.Row> rows = new ArrayList<>();
    for (int i = qualities.size() - 1; i >= 0; i--) {
      Quality q = qualities.get(i);
      rows.add(new Calibration.Row(q.capacity, Collections.nCopies(blocks, q.threshold), q.shareComputed, bytesRead.get(i),
          q.scores.perplexity().value(), Statistics.mean(q.scores.divergences())));
    }
    return new Calibration(
        rule, rows, qualities.getFirst().scores.referencePerplexity().value(), windows.scored(), text);
  }

  TextWindows windows() {
    return windows;
  }

  private Session session(Model of, Routing routing) {
    return of.newSession(SessionOptions.defaults().withContextLength(windows.length()).withRouting(routing));
  }

  private Progress progress(String task, int settings) {
    return Progress.ofTokens(task, (long) settings * windows.count() * windows.length(), streams);
  }
}
