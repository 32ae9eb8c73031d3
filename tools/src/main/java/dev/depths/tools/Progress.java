package dev.depths.tools;

import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** How far a transfer is: a bar on a terminal, nothing elsewhere. */
sealed interface Progress extends AutoCloseable {
  /** Progress towards {@code total} bytes. */
  static Progress of(String task, long total, Streams streams) {
    return streams.errTerminal() ? new Bar(task, total, streams) : new Silent();
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
          .hideEta()
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

  /** Nothing: where nobody watches, lines that tell how far it is are noise. */
  final class Silent implements Progress {
    @Override
    public void to(long bytes) {}

    @Override
    public void close() {}
  }
}
