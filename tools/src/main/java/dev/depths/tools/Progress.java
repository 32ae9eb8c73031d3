package dev.depths.tools;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** How far a transfer is: a bar on a terminal, a line at its end elsewhere. */
sealed interface Progress extends AutoCloseable {
  /** Progress towards {@code total} bytes. */
  static Progress of(String task, long total, Streams streams) {
    return streams.errTerminal() ? new Bar(task, total, streams) : new Lines(task, streams);
  }

  /** Tells how many bytes are done. */
  void to(long bytes);

  @Override
  void close();

  /** A bar that redraws itself. */
  final class Bar implements Progress {
    private static final int WIDTH = 79;
    private static final long MEBIBYTE = 1 << 20;

    private final ProgressBar bar;

    Bar(String task, long total, Streams streams) {
      bar = new ProgressBarBuilder()
          .setTaskName(task)
          .setInitialMax(total)
          .setUnit(" MiB", MEBIBYTE)
          .setStyle(ProgressBarStyle.ASCII)
          .setConsumer(new ConsoleProgressBarConsumer(streams.err(), WIDTH))
          .setUpdateIntervalMillis(100)
          .build();
    }

    @Override
    public void to(long bytes) {
      bar.stepTo(Math.min(bytes, bar.getMax()));
    }

    @Override
    public void close() {
      bar.close();
    }
  }

  /** One line when it is over. */
  final class Lines implements Progress {
    private final String task;
    private final Streams streams;
    private final long start = System.nanoTime();

    Lines(String task, Streams streams) {
      this.task = task;
      this.streams = streams;
    }

    @Override
    public void to(long bytes) {}

    @Override
    public void close() {
      streams.err().printf(java.util.Locale.ROOT, "%s: %.1f s%n", task, (System.nanoTime() - start) / 1e9);
    }
  }
}
