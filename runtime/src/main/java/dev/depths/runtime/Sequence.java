package dev.depths.runtime;

import java.util.BitSet;

/** One sequence of tokens as the blocks know it: its length, its KV cache, and what routed parts of blocks chose of it. */
final class Sequence {
  private final KvCache kv;
  /** By block, then by routed part; null for a block that every token runs and that is not counted as routed. */
  private final BlockRouting[][] routing;
  private RoutingListener listener;
  private int position;

  Sequence(KvCache kv, BlockRouting[][] routing) {
    this.kv = kv;
    this.routing = routing;
  }

  /** Tokens held. */
  int position() {
    return position;
  }

  /** Who is told of decisions, or null. */
  RoutingListener listener() {
    return listener;
  }

  void setListener(RoutingListener listener) {
    this.listener = listener;
  }

  KvCache kv() {
    return kv;
  }

  KvCache.BlockKv kv(int block) {
    return kv.block(block);
  }

  boolean isRouted(int block) {
    return routing[block] != null;
  }

  /** What the {@code part}-th routed part of a block chose; null if the block is not routed. */
  BlockRouting routing(int block, int part) {
    return routing[block] == null ? null : routing[block][part];
  }

  /** Routed parts of a block: none, one, or two for halves that are routed apart. */
  int parts(int block) {
    return routing[block] == null ? 0 : routing[block].length;
  }

  /** The positions that a part of a block computed, ascending; all of a block that is not routed. */
  int[] computed(int block, int part) {
    if (routing[block] != null) {
      return routing[block][part].positions();
    }
    int[] all = new int[position];
    for (int i = 0; i < position; i++) {
      all[i] = i;
    }
    return all;
  }

  /** Parts of blocks computed so far, a block that is not routed being one; by token. */
  long partsRun() {
    long n = 0;
    for (int b = 0; b < routing.length; b++) {
      n += parts(b) == 0 ? position : 0;
      for (int p = 0; p < parts(b); p++) {
        n += routing[b][p].computed();
      }
    }
    return n;
  }

  /** Likewise those skipped. */
  long partsSkipped() {
    long n = 0;
    for (int b = 0; b < routing.length; b++) {
      for (int p = 0; p < parts(b); p++) {
        n += routing[b][p].seen() - routing[b][p].computed();
      }
    }
    return n;
  }

  /** The blocks that computed all of the last token. */
  BitSet ranLast() {
    BitSet ran = new BitSet(routing.length);
    for (int b = 0; b < routing.length; b++) {
      ran.set(b, position > 0);
      for (int p = 0; p < parts(b); p++) {
        if (!routing[b][p].computed(position - 1)) {
          ran.clear(b);
        }
      }
    }
    return ran;
  }

  /** A pass has computed so many tokens more. */
  void commit(int tokens) {
    position += tokens;
    for (int b = 0; b < routing.length; b++) {
      for (int p = 0; p < parts(b); p++) {
        routing[b][p].commit(tokens);
      }
    }
  }

  /** A pass was given up: what it added is forgotten. */
  void rollBack() {
    for (int b = 0; b < routing.length; b++) {
      kv.block(b).truncateAt(position);
      for (int p = 0; p < parts(b); p++) {
        routing[b][p].rollBack();
      }
    }
  }

  void clear() {
    position = 0;
    kv.clear();
    for (int b = 0; b < routing.length; b++) {
      for (int p = 0; p < parts(b); p++) {
        routing[b][p].clear();
      }
    }
  }
}
