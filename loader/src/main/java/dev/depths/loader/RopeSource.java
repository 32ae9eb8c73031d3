package dev.depths.loader;

import dev.depths.loader.ModelConfig.Rope;

/**
 * What the frequencies of a rotary embedding are made of.
 *
 * @param base of the frequencies
 * @param scaling of them
 */
record RopeSource(double base, RopeScaling scaling) {
  /** The embedding of heads of a width. */
  Rope rope(Rope.Layout layout, int headDim) {
    return scaling.rope(layout, base, headDim, null);
  }
}
