package dev.depths.runtime;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How a model is opened.
 *
 * @param threads size of the model's worker pool, the calling thread included
 * @param exact whether to compute with dequantised weights, f32 activations and f32 keys and values throughout: slow, for
 *     parity checks; otherwise keys and values are kept as half floats
 * @param adapter a Mixture-of-Depths adapter to apply to a dense checkpoint
 * @param lowRank where the adapter's low-rank updates are computed
 * @param cache a directory in which packed weights are kept from one start to the next, bounded to some gigabytes
 */
public record ModelOptions(int threads, boolean exact, Optional<Path> adapter, LowRank lowRank, Optional<Path> cache) {
  public ModelOptions {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, not " + threads);
    }
  }

  /** One worker per core, fast kernels, no adapter, no cache. */
  public static ModelOptions defaults() {
    return new ModelOptions(
        Runtime.getRuntime().availableProcessors(), false, Optional.empty(), LowRank.AUTO, Optional.empty());
  }

  /** These options with another thread count. */
  public ModelOptions withThreads(int threads) {
    return new ModelOptions(threads, exact, adapter, lowRank, cache);
  }

  /** These options with exact mode on or off. */
  public ModelOptions withExact(boolean exact) {
    return new ModelOptions(threads, exact, adapter, lowRank, cache);
  }

  /** These options with an adapter. */
  public ModelOptions withAdapter(Path adapter) {
    return new ModelOptions(threads, exact, Optional.of(adapter), lowRank, cache);
  }

  /** These options with low-rank updates computed there. */
  public ModelOptions withLowRank(LowRank lowRank) {
    return new ModelOptions(threads, exact, adapter, lowRank, cache);
  }

  /** These options with a cache directory. */
  public ModelOptions withCache(Path cache) {
    return new ModelOptions(threads, exact, adapter, lowRank, Optional.of(cache));
  }
}
