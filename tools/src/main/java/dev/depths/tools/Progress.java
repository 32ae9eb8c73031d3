package dev.depths.tools;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** How far something is: a bar on a terminal, nothing elsewhere. */
sealed interface Progress extends AutoCloseable {
  /** Progress of a transfer towards {@code total} bytes. */
  static Progress ofBytes(String task, long total, Streams streams) {
    return streams.errTerminal() ? new Bar(task, total, " MiB", 1 << 20, streams) : new Silent();
  }

  /** Progress of a computation towards {@code total} tokens. */
  static Progress ofTokens(String task, long total, Streams streams) {
    return streams.errTerminal() ? new Bar(task, total, " tokens", 1, streams) : new Silent();
  }

  /** Tells how many bytes or tokens are done. */
  void to(long done);

  @Override
  void close();

  /** A bar that redraws itself. */
  final class Bar implements Progress {
    private static final int WIDTH = 79;

    private final ProgressBar bar;

    Bar(String task, long total, String unit, long unitSize, Streams streams) {
      bar = new ProgressBarBuilder()
          .setTaskName(task)
          .setInitialMax(total)
          .setUnit(unit, unitSize)
          .setStyle(ProgressBarStyle.ASCII)
          .setConsumer(new ConsoleProgressBarConsumer(streams.err(), WIDTH))
          .setUpdateIntervalMillis(100)
          .hideEta()
          .build();
    }

    @Override
    public void to(long done) {
      bar.stepTo(Math.min(done, bar.getMax()));
    }

    @Override
    public void close() {
      bar.close();
    }
  }

  /** Nothing: where nobody watches, lines that tell how far it is are noise. */
  final class Silent implements Progress {
    @Override
    public void to(long done) {}

    @Override
    public void close() {}
  }
}
