package dev.depths.loader;

/** Bounds on hyperparameters, far above all real models, so that products of two fit a long and most an int. */
final class Limits {
  static final int BLOCKS = 1 << 12;
  static final int WIDTH = 1 << 20;
  static final int HEADS = 1 << 14;
  static final int EXPERTS = 1 << 9;
  static final int VOCABULARY = 1 << 24;
  /** Of low-rank updates and bypasses. */
  static final int RANK = 1 << 10;

  private Limits() {}
}
