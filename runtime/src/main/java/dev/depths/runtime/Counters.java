package dev.depths.runtime;

import dev.depths.loader.ModDescriptor.Part;
import java.util.List;

/**
 * What a session has done since it was made or reset. A block whose halves are routed apart counts as two.
 *
 * @param tokens tokens computed
 * @param blocksRun (token, block) pairs computed, over all blocks
 * @param blocksSkipped (token, block) pairs skipped
 * @param weightBytesRead bytes of weights that the passes read; a block that all of a pass skip reads none, or those
 *     of its bypass
 * @param kvBytes bytes of memory that the KV cache holds now
 * @param routed one entry per routed part of a block, in order; empty if all blocks are dense
 */
public record Counters(
    long tokens, long blocksRun, long blocksSkipped, long weightBytesRead, long kvBytes, List<RoutedPart> routed) {
  public Counters {
    routed = List.copyOf(routed);
  }

  /**
   * One routed part of a block.
   *
   * @param block the block's id
   * @param part the whole block or one of its halves
   * @param tokensSeen tokens that reached it
   * @param tokensComputed tokens that it computed
   */
  public record RoutedPart(int block, Part part, long tokensSeen, long tokensComputed) {}
}
