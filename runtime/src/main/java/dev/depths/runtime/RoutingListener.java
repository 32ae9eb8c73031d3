package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Part;

/** Told what routed parts of blocks decide, while a pass runs, on the thread that runs it. */
@FunctionalInterface
public interface RoutingListener {
  /**
   * Called once per token and routed part: block by block, and within one in the order of the tokens. The decisions of a
   * pass that is cancelled do not hold.
   *
   * @param block the block's id
   * @param part the whole block, or the half that is routed
   * @param position the token's
   * @param score the number by which it was chosen or not, above 0 where the sigmoid is above a half; NaN if it was chosen
   *     without one, as by {@link Routing#dense()} in a dense model
   * @param computed whether the part computes the token
   */
  void onDecision(int block, Part part, int position, float score, boolean computed);
}
