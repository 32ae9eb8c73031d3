package dev.depths.loader.chat;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What one rendering may still spend: templates are untrusted programs. Nodes of the template are steps; values made by
 * expressions are paid by their size, so that what is done with a value later is bounded too.
 */
final class Budget {
  private static final int STEPS = 50_000;
  private static final int STEPS_PER_MESSAGE = 500;
  /** Of all strings and collections that expressions make. */
  static final long MAX_SIZE = 1L << 26;
  /** Of one collection that an expression makes, with all that it holds. */
  static final int MAX_WEIGHT = 1 << 20;
  static final int MAX_SECONDS = 10;
  /** Of collections within collections. */
  private static final int MAX_DEPTH = 32;
  /** Of statements within statements, by macros too; each level copies the text of those within. */
  private static final int MAX_NESTING = 200;

  private final int maxSteps;
  /** Runs from the first step: what is loaded before the first of all templates is not its fault. */
  private long deadline;
  private int steps;
  private long size;
  private int nesting;

  Budget(int messages) {
    maxSteps = Math.clamp(STEPS + (long) STEPS_PER_MESSAGE * messages, STEPS, Integer.MAX_VALUE - 1);
  }

  void step() {
    if (++steps > maxSteps) {
      throw new ChatTemplateException("the chat template takes more than " + maxSteps + " steps");
    }
    if (steps == 1) {
      deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MAX_SECONDS);
    }
    if (System.nanoTime() - deadline > 0) {
      throw new ChatTemplateException("the chat template takes more than " + MAX_SECONDS + " seconds");
    }
  }

  void enter() {
    nesting++;
    step();
    if (nesting > MAX_NESTING) {
      throw new ChatTemplateException("the chat template nests deeper than " + MAX_NESTING);
    }
  }

  void leave() {
    nesting--;
  }

  /** Pays for a string of this length before it is made. */
  void spend(long length) {
    step();
    size += length;
    if (length > MAX_SIZE || size > MAX_SIZE) {
      throw new ChatTemplateException("the chat template makes more than " + MAX_SIZE + " characters of text");
    }
  }

  String spend(String made) {
    spend(made.length());
    return made;
  }

  /**
   * Pays for a collection: shared parts count each time they are held, since whoever prints them meets them each time.
   */
  <T> T weigh(T collection) {
    spend(weight(collection, 0, 0));
    return collection;
  }

  private static long weight(Object value, long sum, int depth) {
    if (sum > MAX_WEIGHT || depth > MAX_DEPTH) {
      throw new ChatTemplateException("the chat template makes a list or dict that is too large");
    }
    return switch (value) {
      case String s -> sum + 1 + s.length();
      case List<?> list -> {
        long total = sum + 1;
        for (Object element : list) {
          total = weight(element, total, depth + 1);
        }
        yield total;
      }
      case Map<?, ?> map -> {
        long total = sum + 1;
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          total = weight(entry.getValue(), weight(entry.getKey(), total, depth + 1), depth + 1);
        }
        yield total;
      }
      case null, default -> sum + 1;
    };
  }
}
