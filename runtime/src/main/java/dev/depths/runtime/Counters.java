package dev.depths.runtime;

import java.util.List;

/**
 * What a session has done since it was made or reset.
 *
 * @param tokens tokens computed
 * @param blocksRun (token, block) pairs computed, over all blocks
 * @param blocksSkipped (token, block) pairs skipped
 * @param weightBytesRead bytes of weights that the passes read; a skipped block reads none
 * @param kvBytes bytes of memory that the KV cache holds now
 * @param routed one entry per routed block, in order; empty if all blocks are dense
 */
public record Counters(
    long tokens, long blocksRun, long blocksSkipped, long weightBytesRead, long kvBytes, List<RoutedBlock> routed) {
  public Counters {
    routed = List.copyOf(routed);
  }

  /**
   * One routed block.
   *
   * @param block the block's id
   * @param tokensSeen tokens that reached it
   * @param tokensComputed tokens that it computed
   */
  public record RoutedBlock(int block, long tokensSeen, long tokensComputed) {}
}
