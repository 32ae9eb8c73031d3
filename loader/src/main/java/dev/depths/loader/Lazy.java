package dev.depths.loader;

import java.util.function.Supplier;

/** A value computed at most once, when first asked for; if that fails, the next caller tries again. */
final class Lazy<T> implements Supplier<T> {
  private final Supplier<T> source;
  private volatile T value;

  Lazy(Supplier<T> source) {
    this.source = source;
  }

  @Override
  public T get() {
    T result = value;
    if (result == null) {
      synchronized (this) {
        result = value;
        if (result == null) {
          result = source.get();
          value = result;
        }
      }
    }
    return result;
  }
}
