package dev.depths.runtime;

import dev.depths.loader.Calibration;
import dev.depths.loader.Calibration.Row;
import dev.depths.loader.ModDescriptor.Rule;
import dev.depths.loader.ModDescriptor.Selection;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.DoubleUnaryOperator;

/**
 * Trades quality for speed: finds the thresholds for a wish in a model's calibration. Immutable.
 *
 * <p>It turns on one quantity, the capacity: the share of (token, routed part) pairs that is computed, as measured. Wishes
 * that cannot be met give the nearest setting, which says so.
 */
public final class Dial {
  private final Calibration calibration;
  private final Optional<Speeds> speeds;
  private final double least;
  private final double most;
  private final Curve[] thresholds;
  private final Curve kl;
  private final Curve perplexity;
  private final Curve bytes;
  /** Of a decoded token: in milliseconds, or, unless speeds are known, in dense models' bytes. */
  private final Curve time;
  /** Of a prompt's token in milliseconds; null unless speeds are known. */
  private final Curve prefillTime;

  private Dial(Calibration calibration, Curve bytes, Optional<Speeds> speeds, double least) {
    List<Row> rows = calibration.rows();
    this.calibration = calibration;
    this.speeds = speeds;
    this.least = least;
    this.most = rows.getLast().blocksRun();
    this.thresholds = new Curve[rows.getFirst().thresholds().size()];
    for (int b = 0; b < thresholds.length; b++) {
      int block = b;
      thresholds[b] = Curve.of(rows, Row::blocksRun, row -> row.thresholds().get(block));
    }
    this.kl = Curve.of(rows, Row::blocksRun, Row::kl);
    this.perplexity = Curve.of(rows, Row::blocksRun, Row::perplexity);
    this.bytes = bytes;
    // What is computed more takes longer: where the measurements say otherwise the machine was disturbed.
    this.time = speeds.map(s -> Curve.of(s.points(), Speeds.Point::capacity, Speeds.Point::decodeMillis).rising()).orElse(bytes);
    this.prefillTime =
        speeds.map(s -> Curve.of(s.points(), Speeds.Point::capacity, Speeds.Point::prefillMillis).rising()).orElse(null);
  }

  /** The dial of a calibration, without speeds: it takes a token's time to be that of reading its weights. */
  public static Dial of(Calibration calibration) {
    List<Row> rows = calibration.rows();
    return new Dial(
        calibration, Curve.of(rows, Row::blocksRun, Row::bytesRead), Optional.empty(), rows.getFirst().blocksRun());
  }

  /** This dial for a model that reads, by capacity, such a share of the dense model's weight bytes. */
  Dial withBytesRead(DoubleUnaryOperator share) {
    Curve curve = Curve.of(calibration.rows(), Row::blocksRun, row -> share.applyAsDouble(row.blocksRun()));
    return new Dial(calibration, curve, speeds, least);
  }

  /** This dial with what was measured on the machine. */
  public Dial withSpeeds(Speeds speeds) {
    return new Dial(calibration, bytes, Optional.of(speeds), least);
  }

  /** This dial, which goes no lower than a capacity; its own bounds stay. */
  public Dial withLeast(double capacity) {
    return new Dial(calibration, bytes, speeds, Math.clamp(capacity, least, most));
  }

  /** The calibration. */
  public Calibration calibration() {
    return calibration;
  }

  /** What was measured on the machine. */
  public Optional<Speeds> speeds() {
    return speeds;
  }

  /** The lowest capacity. */
  public double least() {
    return least;
  }

  /** The highest capacity. */
  public double most() {
    return most;
  }

  /** The setting of a capacity, or of the bound that it lies beyond. */
  public Setting capacity(double capacity) {
    if (Double.isNaN(capacity)) {
      throw new IllegalArgumentException("the capacity is no number");
    }
    return at(Math.clamp(capacity, least, most), capacity >= least && capacity <= most);
  }

  /**
   * The setting of a model's own thresholds, if it is one of the dial's: one threshold for all blocks, on the calibrated scores.
   *
   * @param selection the model's
   */
  public Optional<Setting> own(Selection selection) {
    boolean one = calibration.rows().stream().allMatch(row -> row.thresholds().stream().distinct().count() == 1);
    if (!one || selection.causal() != calibration.rule() || selection.thresholds().size() > 1
        || selection.prefillThreshold().isPresent()) {
      return Optional.empty();
    }
    double found = thresholds[0].firstAtMost(selection.thresholdOf(0), least, most);
    return Double.isNaN(found) || thresholds[0].at(least) < selection.thresholdOf(0)
        ? Optional.empty() : Optional.of(at(found, true));
  }

  /** The lowest capacity whose divergence from the dense model, in nats per token, is at most a bound. */
  public Setting maxKl(double bound) {
    double found = kl.firstAtMost(bound, least, most);
    return Double.isNaN(found) ? at(kl.least(most, least), false) : at(found, true);
  }

  /** The highest capacity at which decoding is so many times as fast as the dense model; expected, unless speeds are known. */
  public Setting speedup(double factor) {
    return within(speeds.map(Speeds::denseDecodeMillis).orElse(1.0) / factor);
  }

  /**
   * The highest capacity at which a decoded token takes at most a time.
   *
   * @throws IllegalStateException if no speeds are known
   */
  public Setting budget(double millis) {
    if (speeds.isEmpty()) {
      throw new IllegalStateException("no speeds are known on this machine");
    }
    return within(millis);
  }

  private Setting within(double limit) {
    double found = time.firstAtMost(limit, most, least);
    return Double.isNaN(found) ? at(time.least(most, least), false) : at(found, true);
  }

  private Setting at(double capacity, boolean met) {
    List<Double> at = new ArrayList<>();
    for (Curve curve : thresholds) {
      at.add(curve.at(capacity));
    }
    double now = time.at(capacity);
    return new Setting(calibration.rule(), at, capacity, kl.at(capacity), perplexity.at(capacity), bytes.at(capacity),
        speeds.map(s -> s.denseDecodeMillis() / now).orElse(1 / now),
        speeds.isEmpty() ? OptionalDouble.empty() : OptionalDouble.of(now),
        prefillTime == null ? OptionalDouble.empty() : OptionalDouble.of(prefillTime.at(capacity)), met);
  }

  Rule rule() {
    return calibration.rule();
  }

  /** Number of routed blocks. */
  int blocks() {
    return thresholds.length;
  }

  /** Sets the thresholds of a capacity. */
  void thresholds(double capacity, double[] to) {
    for (int b = 0; b < to.length; b++) {
      to[b] = thresholds[b].at(capacity);
    }
  }

  /** What a token takes at a capacity, in a unit of the dial's own: milliseconds if speeds are known. */
  double time(double capacity) {
    return time.at(capacity);
  }

  /** The highest capacity at which a token takes at most a time, or else the fastest. */
  double capacityWithin(double limit) {
    double found = time.firstAtMost(limit, most, least);
    return Double.isNaN(found) ? time.least(most, least) : found;
  }
}
